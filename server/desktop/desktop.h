/* desktop.h - the desktop's own search: GNOME Shell's search provider and KRunner, over D-Bus.
 *
 * One process on the session bus owns the name org.cairn.Search; the bus starts it when the desktop
 * first asks and it ends by itself when nobody has asked for a while. It speaks
 * org.gnome.Shell.SearchProvider2 and org.kde.krunner1 at /org/cairn/Search. */
#ifndef CAIRN_SERVER_DESKTOP_DESKTOP_H
#define CAIRN_SERVER_DESKTOP_DESKTOP_H

#include "engine/cairn.h"

typedef struct desktop_options {
    cairn_options open;  /* the collection; opened for reading at the first question */
    const char *opener;  /* see opener.h; NULL: xdg-open */
    const char *page;    /* address of the web page for "search in Cairn", or NULL */
    double idle_seconds; /* end after so long without a question; 0: never */
    const volatile sig_atomic_t *cancel;
} desktop_options;

/* Serve until idle, cancelled or the bus goes. CAIRN_EUNSUPPORTED: there is no session bus, or
 * another process has the name. */
cairn_status desktop_run(const desktop_options *options, cairn_error *err);

#endif
