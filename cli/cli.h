/* cli.h - what the verbs share: the parsed global options, output, errors, exit codes.
 *
 * Each verb is one function in one file: verb_<name>.c. It gets the arguments behind its name,
 * reads its own options with cli_next_option, which also takes the global ones wherever they
 * stand, and returns the exit code.
 *
 * Standard output carries results alone (with --json one document, or JSON lines); progress,
 * warnings and errors go to standard error. Nothing is coloured or drawn over unless the stream is
 * a terminal, and NO_COLOR and TERM=dumb are respected. */
#ifndef CAIRN_CLI_H
#define CAIRN_CLI_H

#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"
#include "engine/cairn.h"
#include "engine/care.h"
#include "engine/json_text.h"

enum cli_exit {
    CLI_DONE = 0,
    CLI_NOTHING = 1,
    CLI_USAGE = 2,
    CLI_INPUT = 3,
    CLI_DAMAGED = 4,
    CLI_MODEL = 5,
    CLI_INTERRUPTED = 130
};

typedef struct cli {
    cairn_options options;
    bool json, quiet;
    int verbose;
    bool out_colour, err_terminal;
    const char *verb; /* for error messages */
} cli;

typedef struct cli_verb {
    const char *name, *summary;
    const char *help; /* usage line, what it does, options, examples */
    int (*run)(cli *c, int argc, char **argv);
} cli_verb;

extern const cli_verb cli_verb_index, cli_verb_watch, cli_verb_duplicates, cli_verb_doctor, cli_verb_whynot, cli_verb_search, cli_verb_suggest, cli_verb_ask,
    cli_verb_get, cli_verb_list, cli_verb_tag, cli_verb_delete, cli_verb_status, cli_verb_check,
    cli_verb_compact, cli_verb_embedder, cli_verb_collection, cli_verb_import, cli_verb_export, cli_verb_pii, cli_verb_replay, cli_verb_eval, cli_verb_model,
    cli_verb_serve, cli_verb_mcp, cli_verb_open, cli_verb_desktop, cli_verb_tui, cli_verb_chat, cli_verb_memory, cli_verb_saved,
    cli_verb_feedback, cli_verb_gateway, cli_verb_sql, cli_verb_backup, cli_verb_restore;

/* The number of the signal, SIGINT or SIGTERM, that came; a second SIGINT ends the process at once. */
extern volatile sig_atomic_t cli_cancelled;

/* ---- options (options.c) ---- */

/* The next option of the verb: its `val` from `extra`, or -1 at the end with optind at the first
 * operand, or '?' after a usage error (already reported; return CLI_USAGE). Global options and
 * --help are handled here. */
int cli_next_option(cli *c, int argc, char **argv, const struct option *extra);
/* A whole number from `least` to `most`; false after reporting. */
bool cli_parse_size(cli *c, const char *what, const char *text, size_t least, size_t most,
                    size_t *out);
bool cli_parse_float(cli *c, const char *what, const char *text, double least, double most,
                     double *out);
bool cli_parse_mode(cli *c, const char *text, cairn_mode *out);
bool cli_parse_vector_format(cli *c, const char *text, cairn_vector_format *out);
/* Comma-separated whole numbers; returns how many, 0 after reporting. */
size_t cli_parse_sizes(cli *c, const char *what, const char *text, size_t *out, size_t max);
/* --history: a JSON list of {"role","content"}. *turns is malloced and borrows from *doc; both are the
 * caller's in any case. */
bool cli_parse_history(cli *c, const char *text, json_t **doc, cairn_turn **turns, size_t *n);
/* A time as "50ms", "0.1s" or "50" (milliseconds); false after reporting. */
bool cli_parse_milliseconds(cli *c, const char *what, const char *text, double *out);
/* argv[optind..] joined by spaces, malloced; NULL without operands. */
char *cli_join_operands(int argc, char **argv);
/* Append a pattern as a line of *list (malloced, NULL at first); false after reporting. */
bool cli_add_pattern(cli *c, char **list, const char *pattern);
/* "cairn search: sentence. See cairn search --help", and CLI_USAGE. */
int cli_usage_error(cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- errors and opening (main.c) ---- */

const cli_verb *cli_find_verb(const char *name);
void cli_print_help(FILE *out, const cli_verb *verb);
/* Report on standard error and give the exit code that belongs to the status. */
int cli_fail(cli *c, cairn_status st, const cairn_error *err);
int cli_exit_code(cairn_status st);
/* What a verb does to the collection: read it, change one that is there, or make it at need. */
typedef enum cli_access { CLI_READ, CLI_CHANGE, CLI_MAKE } cli_access;
/* Log lines to standard error from this level on, or a lower one where -v asked for it; none with -q. */
void cli_log_to_stderr(const cli *c, log_level least);
/* Open the collection; on failure report and give the exit code, else 0. */
int cli_open(cli *c, cairn **out, cli_access access);

/* ---- output (output.c) ---- */

const char *cli_bold(const cli *c);
const char *cli_dim(const cli *c);
const char *cli_accent(const cli *c);
const char *cli_plain(const cli *c);
/* Text for a terminal or a pipe: control characters become spaces, broken UTF-8 is replaced. */
void cli_put_text(FILE *out, const char *s, size_t len);
/* The part of a hit's passage that matches best, its words marked, in lines of the terminal's width
 * (snippet.c). */
void cli_print_snippet(cli *c, const cairn_hit *h);
/* Write one document and a newline; indented on a terminal. Steals the reference. */
int cli_print_json(cli *c, json_t *j);
/* Write one line of JSON lines, at once. Steals the reference. */
void cli_print_json_line(json_t *j);
/* "12.3 MB", "1,234". The buffer belongs to the caller. */
const char *cli_format_bytes(char buf[32], uint64_t n);
const char *cli_format_duration(char buf[32], double seconds); /* "40 s", "3 min", "2 h 05 min" */
const char *cli_format_time(char buf[32], int64_t wall_ns); /* "2026-01-02 03:04" or "" */
/* A bar on a terminal, nothing elsewhere; both have the type of a progress callback. */
/* A stage of a run in words: "embed-second" is "embedding, second model:". */
const char *cli_stage_words(const char *stage);
void cli_progress(void *ctx, const cairn_progress *p);
void cli_progress_clear(const cli *c);
/* A line of text or of JSON, at once; has the type of an event callback, with the cli as its ctx. */
void cli_print_event(void *ctx, const cairn_index_event *e);
void cli_print_report(cli *c, const cairn_index_report *r);
/* The same of a dry run. */
void cli_print_plan(cli *c, const cairn_index_report *r);
json_t *cli_json_report(const cairn_index_report *r);
json_t *cli_json_failures(const cairn_failure *f, size_t n);
json_t *cli_json_hit(const cairn_hit *h, bool explain);
json_t *cli_json_copies(const cairn_copy *copies, size_t n);
/* An array of texts. */
json_t *cli_json_strings(const char *const *s, size_t n);
json_t *cli_json_audit(const cairn_audit *a); /* null when nothing was measured yet */
void cli_print_audit(const cairn_audit *a);   /* a line of its own */

#endif
