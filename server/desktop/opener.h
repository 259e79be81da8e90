/* opener.h - open a document in the program that the desktop has for it. */
#ifndef CAIRN_SERVER_DESKTOP_OPENER_H
#define CAIRN_SERVER_DESKTOP_OPENER_H

#include <stdint.h>

#include "base/status.h"

/* Start the viewer and come back at once. `uri` is a document's: the path of a file, or that of an
 * archive with what is inside it behind "!/" (then the archive is opened). `page`, from 1, is asked
 * for where the viewer takes one (0: none).
 *
 * The program is `program` where it is not NULL and not empty, else xdg-open; it is found along
 * PATH and gets the path as an argument of its own, never through a shell. Okular, Evince and
 * Papers are told the page; where xdg-open would start one of those for PDF (xdg-mime says so), it
 * is started itself.
 *
 * CAIRN_ENOTFOUND when there is no such file (only files are opened, whatever a document's name
 * says), CAIRN_EUNSUPPORTED when the program is not there. */
cairn_status opener_start(const char *program, const char *uri, uint32_t page, cairn_error *err);

/* The same for an address that is ours: the web page. Never for one that a document gave. */
cairn_status opener_address(const char *program, const char *url, cairn_error *err);

#endif
