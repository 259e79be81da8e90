/* desktop.c - see desktop.h.
 *
 * Reading order: the two tables of methods at the end, the answers above them, then how a question
 * is asked (find) and what is remembered of its results: the desktop asks for ids first and for
 * their titles afterwards, so the hits of the last question stay until the next. */
#include "server/desktop/desktop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "server/desktop/opener.h"

#define BUS_NAME    "org.cairn.Search"
#define OBJECT      "/org/cairn/Search"
#define RESULTS     ((size_t)20)
#define LEAST_BYTES ((size_t)2) /* of a question */
#define LEAST_DIGITS  3 /* of a number that is one */
#define MEANING_WORDS 3 /* from which a question is also searched by its meaning */
#define MOST_BYTES  ((size_t)1024)
#define SNIPPET     ((size_t)200) /* bytes of a description */

typedef struct desktop {
    const desktop_options *o;
    cairn *engine; /* NULL until the first question, and where there is no collection yet */
    cairn_search_result *found; /* of the last question */
    int64_t last_ns;            /* when somebody last asked for something */
} desktop;

/* ---- asking ---- */

/* The desktop asks every provider for whatever is typed: names of programs, sums. Has it a letter, or as many digits as a
 * number has that stands in a document? */
static bool is_question(const char *text)
{
    size_t digits = 0;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
        if (c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || digits >= LEAST_DIGITS)
            return true;
    }
    return false;
}

static size_t count_words(const char *text)
{
    size_t n = 0;

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        text += strcspn(text, " ");
        n++;
    }
    return n;
}

/* The hits for what was typed so far, in d->found; none for a word that has just begun, and where
 * there is nothing to search in. Errors are logged; the desktop shows no results. */
static void find(desktop *d, const char *question)
{
    /* A document once. By meaning something is near to anything, "firefox" too: one or two words have to be there. */
    cairn_search_request r = {.query = question,
                              .k = RESULTS,
                              .as_you_type = true,
                              .per_document = 1,
                              .mode = count_words(question) < MEANING_WORDS ? CAIRN_LEXICAL : CAIRN_HYBRID};
    size_t len = strlen(question);
    cairn_error err;

    d->last_ns = clock_mono_ns();
    cairn_search_result_free(d->found);
    d->found = NULL;
    if (len < LEAST_BYTES || len > MOST_BYTES || !is_question(question))
        return;
    if (!d->engine && cairn_open(&d->engine, &d->o->open, &err)) {
        log_write(LOG_LEVEL_WARN, "server", "desktop: %s", err.text);
        return;
    }
    if (cairn_search(d->engine, &r, &d->found, &err)) {
        log_write(LOG_LEVEL_WARN, "server", "desktop: %s", err.text);
        d->found = NULL;
    }
}

/* The terms of a message, joined by spaces. What is longer than any question is cut: find() has
 * nothing for it. */
static int read_terms(sd_bus_message *m, char out[MOST_BYTES + 2])
{
    size_t len = 0;
    const char *term;
    int r = sd_bus_message_enter_container(m, 'a', "s");

    out[0] = '\0';
    while (r >= 0 && (r = sd_bus_message_read(m, "s", &term)) > 0)
        if (len <= MOST_BYTES) {
            int n = snprintf(out + len, MOST_BYTES + 2 - len, "%s%s", len ? " " : "", term);
            len += n > 0 ? (size_t)n : 0;
        }
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* The hit that an id given out earlier means: its chunk, and for the sake of a question asked
 * since, its document and page behind it. */
static const cairn_hit *hit_of(const desktop *d, const char *id)
{
    unsigned long long chunk;

    if (!d->found || sscanf(id, "%llu", &chunk) != 1)
        return NULL;
    for (size_t i = 0; i < d->found->n_hits; i++)
        if (d->found->hits[i].chunk == chunk)
            return &d->found->hits[i];
    return NULL;
}

static void put_id(char id[64], const cairn_hit *h)
{
    snprintf(id, 64, "%llu:%llu:%u", (unsigned long long)h->chunk, (unsigned long long)h->doc,
             (unsigned)h->page);
}

/* Cut at a character, whitespace folded: one line that a desktop can show. */
static void one_line(const char *text, size_t len, char out[SNIPPET + 4])
{
    size_t n = 0;
    bool space = true;

    for (size_t i = 0; i < len && n < SNIPPET; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ') {
            if (!space)
                out[n++] = ' ';
            space = true;
        } else {
            out[n++] = (char)c;
            space = false;
        }
    }
    if (n == SNIPPET) { /* the last character may be cut: leave it out */
        while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
            n--;
        if (n && ((unsigned char)out[n - 1] & 0x80))
            n--;
        memcpy(out + n, "\xe2\x80\xa6", 4);
        return;
    }
    out[n] = '\0';
}

/* The passage from a little before its first match on. */
static void describe(const cairn_hit *h, char out[SNIPPET + 4])
{
    size_t from = h->n_highlights ? h->highlights[0].start : 0;

    if (from > h->text_len)
        from = 0;
    from = from > 60 ? from - 60 : 0;
    while (from && from < h->text_len && h->text[from - 1] != ' ' && h->text[from - 1] != '\n')
        from--;
    one_line(h->text + from, h->text_len - from, out);
}

static const char *title_of(const cairn_hit *h)
{
    const char *slash;

    if (*h->title)
        return h->title;
    slash = strrchr(h->uri, '/');
    return slash && slash[1] ? slash + 1 : h->uri;
}

/* Icon names of the freedesktop naming specification are types with - for /. */
static void icon_of(const cairn_hit *h, char out[128])
{
    snprintf(out, 128, "%s", *h->mime ? h->mime : "text-x-generic");
    for (char *p = out; *p; p++)
        if (*p == '/')
            *p = '-';
        else if (*p == ';' || *p == ' ')
            *p = '\0';
}

/* ---- opening ---- */

static int open_result(desktop *d, const char *id, sd_bus_error *error)
{
    const cairn_hit *h = hit_of(d, id);
    unsigned long long chunk, doc;
    unsigned page;
    char name[32];
    cairn_document *document = NULL;
    cairn_error err;
    cairn_status st;

    d->last_ns = clock_mono_ns();
    if (h) {
        st = opener_start(d->o->opener, h->uri, h->page, &err);
    } else if (sscanf(id, "%llu:%llu:%u", &chunk, &doc, &page) == 3 && d->engine) {
        snprintf(name, sizeof name, "#%llu", doc);
        st = cairn_get(d->engine, name, &document, &err);
        if (!st)
            st = opener_start(d->o->opener, document->uri, page, &err);
        cairn_document_free(document);
    } else {
        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "no result has the id %s", id);
    }
    return st ? sd_bus_error_setf(error, SD_BUS_ERROR_FAILED, "%s", err.text) : 0;
}

/* ---- GNOME Shell ---- */

static int reply_ids(desktop *d, sd_bus_message *m)
{
    sd_bus_message *reply = NULL;
    int r = sd_bus_message_new_method_return(m, &reply);

    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "s");
    for (size_t i = 0; r >= 0 && d->found && i < d->found->n_hits; i++) {
        char id[64];
        put_id(id, &d->found->hits[i]);
        r = sd_bus_message_append(reply, "s", id);
    }
    if (r >= 0)
        r = sd_bus_message_close_container(reply);
    if (r >= 0)
        r = sd_bus_send(NULL, reply, NULL);
    sd_bus_message_unref(reply);
    return r;
}

static int on_initial(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
    desktop *d = ctx;
    char question[MOST_BYTES + 2];
    int r = read_terms(m, question);

    if (r < 0)
        return r;
    find(d, question);
    return reply_ids(d, m);
}

/* More has been typed: the old results don't matter, the index is asked anew. */
static int on_subsearch(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
    int r = sd_bus_message_skip(m, "as");
    return r < 0 ? r : on_initial(m, ctx, error);
}

static int put_text(sd_bus_message *m, const char *key, const char *value)
{
    return sd_bus_message_append(m, "{sv}", key, "s", value);
}

static int put_meta(sd_bus_message *reply, const cairn_hit *h, const char *id)
{
    char text[SNIPPET + 4], icon[128];
    int r = sd_bus_message_open_container(reply, 'a', "{sv}");

    describe(h, text);
    icon_of(h, icon);
    if (r >= 0)
        r = put_text(reply, "id", id);
    if (r >= 0)
        r = put_text(reply, "name", title_of(h));
    if (r >= 0)
        r = put_text(reply, "description", text);
    if (r >= 0)
        r = put_text(reply, "gicon", icon);
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int on_metas(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
    desktop *d = ctx;
    sd_bus_message *reply = NULL;
    const char *id;
    int r = sd_bus_message_new_method_return(m, &reply);

    d->last_ns = clock_mono_ns();
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "a{sv}");
    if (r >= 0)
        r = sd_bus_message_enter_container(m, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read(m, "s", &id)) > 0) {
        const cairn_hit *h = hit_of(d, id);
        if (h)
            r = put_meta(reply, h, id);
    }
    if (r >= 0)
        r = sd_bus_message_close_container(reply);
    if (r >= 0)
        r = sd_bus_send(NULL, reply, NULL);
    sd_bus_message_unref(reply);
    return r;
}

static int on_activate(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
    const char *id;
    int r = sd_bus_message_read(m, "s", &id);

    if (r >= 0)
        r = open_result(ctx, id, error);
    return r < 0 ? r : sd_bus_reply_method_return(m, "");
}

static bool unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* "Search in Cairn": the web page with the question, where there is one; the first result
 * otherwise. */
static int on_launch(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
    desktop *d = ctx;
    char question[MOST_BYTES + 2], url[3 * MOST_BYTES + 512], id[64];
    int r = read_terms(m, question), n;
    cairn_error err;

    if (r < 0)
        return r;
    if (d->o->page && *d->o->page) {
        n = snprintf(url, 512, "%s#q=", d->o->page); /* percent-encoded, RFC 3986, section 2.1 */
        n = n < 511 ? n : 511;
        for (const char *p = question; *p; p++)
            n += sprintf(url + n, unreserved((unsigned char)*p) ? "%c" : "%%%02X",
                         (unsigned char)*p);
        r = opener_address(d->o->opener, url, &err)
                ? sd_bus_error_setf(error, SD_BUS_ERROR_FAILED, "%s", err.text)
                : 0;
    } else {
        find(d, question);
        if (d->found && d->found->n_hits) {
            put_id(id, &d->found->hits[0]);
            r = open_result(d, id, error);
        }
    }
    return r < 0 ? r : sd_bus_reply_method_return(m, "");
}

/* ---- KRunner ---- */

static int on_match(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
    enum { EXACT_MATCH = 100, POSSIBLE_MATCH = 30 }; /* Plasma::QueryMatch::Type */
    desktop *d = ctx;
    const char *question;
    sd_bus_message *reply = NULL;
    int r = sd_bus_message_read(m, "s", &question);

    if (r < 0)
        return r;
    find(d, question);
    r = sd_bus_message_new_method_return(m, &reply);
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "(sssida{sv})");
    for (size_t i = 0; r >= 0 && d->found && i < d->found->n_hits; i++) {
        const cairn_hit *h = &d->found->hits[i];
        char id[64], text[SNIPPET + 4], icon[128];
        put_id(id, h);
        describe(h, text);
        icon_of(h, icon);
        r = sd_bus_message_append(
            reply, "(sssida{sv})", id, title_of(h), icon, i ? POSSIBLE_MATCH : EXACT_MATCH,
            (double)(d->found->n_hits - i) / (double)d->found->n_hits, 1, "subtext", "s", text);
    }
    if (r >= 0)
        r = sd_bus_message_close_container(reply);
    if (r >= 0)
        r = sd_bus_send(NULL, reply, NULL);
    sd_bus_message_unref(reply);
    return r;
}

static int on_actions(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
    return sd_bus_reply_method_return(m, "a(sss)", 1, "folder", "Show in folder", "folder-open");
}

static int open_folder(desktop *d, const char *id, sd_bus_error *error)
{
    const cairn_hit *h = hit_of(d, id);
    char *folder = h ? strdup(h->uri) : NULL, *slash = folder ? strrchr(folder, '/') : NULL;
    cairn_error err;
    cairn_status st = CAIRN_ENOTFOUND;

    if (slash) {
        slash[slash == folder] = '\0';
        st = opener_start(d->o->opener, folder, 0, &err);
    }
    free(folder);
    if (!slash)
        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "no result has the id %s", id);
    return st ? sd_bus_error_setf(error, SD_BUS_ERROR_FAILED, "%s", err.text) : 0;
}

static int on_run(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
    const char *id, *action;
    int r = sd_bus_message_read(m, "ss", &id, &action);

    if (r >= 0)
        r = strcmp(action, "folder") ? open_result(ctx, id, error) : open_folder(ctx, id, error);
    return r < 0 ? r : sd_bus_reply_method_return(m, "");
}

/* ---- the bus ---- */

static const sd_bus_vtable gnome[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("GetInitialResultSet", "as", "as", on_initial, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("GetSubsearchResultSet", "asas", "as", on_subsearch, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("GetResultMetas", "as", "aa{sv}", on_metas, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("ActivateResult", "sasu", "", on_activate, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("LaunchSearch", "asu", "", on_launch, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static const sd_bus_vtable krunner[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Match", "s", "a(sssida{sv})", on_match, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Actions", "", "a(sss)", on_actions, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Run", "ss", "", on_run, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static int serve(desktop *d, sd_bus *bus)
{
    const uint64_t turn_us = 500000; /* how soon a signal or idleness is noticed */

    for (;;) {
        int r = sd_bus_process(bus, NULL);
        if (r < 0)
            return r == -ENOTCONN || r == -ECONNRESET ? 0 : r; /* the session has ended */
        if (stop_raised(d->o->cancel))
            return 0;
        if (r > 0)
            continue;
        if (d->o->idle_seconds > 0 &&
            (double)(clock_mono_ns() - d->last_ns) > d->o->idle_seconds * 1e9)
            return 0;
        r = sd_bus_wait(bus, turn_us);
        if (r < 0 && r != -EINTR)
            return r == -ENOTCONN ? 0 : r;
    }
}

cairn_status desktop_run(const desktop_options *options, cairn_error *err)
{
    desktop d = {.o = options, .last_ns = clock_mono_ns()};
    sd_bus *bus = NULL;
    int r = sd_bus_open_user(&bus);

    if (r < 0)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "there is no session bus to answer on: %s",
                          strerror(-r));
    r = sd_bus_add_object_vtable(bus, NULL, OBJECT, "org.gnome.Shell.SearchProvider2", gnome, &d);
    if (r >= 0)
        r = sd_bus_add_object_vtable(bus, NULL, OBJECT, "org.kde.krunner1", krunner, &d);
    if (r >= 0)
        r = sd_bus_request_name(bus, BUS_NAME, 0);
    if (r >= 0)
        r = serve(&d, bus);
    cairn_search_result_free(d.found);
    cairn_close(d.engine);
    sd_bus_flush_close_unref(bus);
    if (r == -EEXIST || r == -EALREADY)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "another process answers as " BUS_NAME " already");
    return r < 0 ? cairn_fail_errno(err, -r, "session bus") : CAIRN_OK;
}
