/* output.c - colours, JSON, the progress bar and the report of an index run. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/cli.h"
#include "engine/care.h"

#define MANY_FAILURES 20 /* for one reason: told in one line */

const char *cli_bold(const cli *c)
{
    return c->out_colour ? "\x1b[1m" : "";
}

const char *cli_dim(const cli *c)
{
    return c->out_colour ? "\x1b[2m" : "";
}

const char *cli_accent(const cli *c)
{
    return c->out_colour ? "\x1b[1;33m" : "";
}

const char *cli_plain(const cli *c)
{
    return c->out_colour ? "\x1b[0m" : "";
}

void cli_put_text(FILE *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        char enc[4];
        uint32_t cp;
        i += utf8_decode(s + i, len - i, &cp, NULL);
        if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
            cp = ' ';
        fwrite(enc, 1, utf8_encode(cp, enc), out);
    }
}

int cli_print_json(cli *c, json_t *j)
{
    size_t flags = JSON_REAL_PRECISION(9) | (c->out_colour ? JSON_INDENT(2) : JSON_COMPACT);
    int rc = j ? json_dumpf(j, stdout, flags) : -1;

    json_decref(j);
    if (rc && !ferror(stdout)) { /* main reports what went wrong with the stream */
        fprintf(stderr, "cairn: making JSON failed\n");
        return CLI_INPUT;
    }
    putchar('\n');
    return CLI_DONE;
}

void cli_print_json_line(json_t *j)
{
    if (!j || json_dumpf(j, stdout, JSON_COMPACT))
        fprintf(stderr, "cairn: making JSON failed\n");
    putchar('\n');
    fflush(stdout);
    json_decref(j);
}

const char *cli_format_bytes(char buf[32], uint64_t n)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double v = (double)n;
    int u = 0;

    while (v >= 1000 && u < 4) {
        v /= 1000;
        u++;
    }
    snprintf(buf, 32, u && v < 100 ? "%.1f %s" : "%.0f %s", v, units[u]);
    return buf;
}

const char *cli_format_duration(char buf[32], double seconds)
{
    long minutes = seconds < 1e9 ? (long)(seconds / 60 + 0.5) : 0;

    if (seconds < 90)
        snprintf(buf, 32, "%.0f s", seconds);
    else if (seconds < 5400)
        snprintf(buf, 32, "%ld min", minutes);
    else if (seconds < 1e9)
        snprintf(buf, 32, "%ld h %02ld min", minutes / 60, minutes % 60);
    else
        snprintf(buf, 32, "years");
    return buf;
}

const char *cli_format_time(char buf[32], int64_t wall_ns)
{
    time_t t = (time_t)(wall_ns / 1000000000);
    struct tm tm;

    buf[0] = '\0';
    if (wall_ns > 0 && localtime_r(&t, &tm))
        strftime(buf, 32, "%Y-%m-%d %H:%M", &tm);
    return buf;
}

static int terminal_width(void)
{
    struct winsize ws;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 20)
        return ws.ws_col;
    return 80;
}

void cli_progress_clear(const cli *c)
{
    if (c->err_terminal && !c->quiet)
        fputs("\r\x1b[K", stderr);
}

const char *cli_stage_words(const char *stage)
{
    return !strcmp(stage, "embed") ? "embedding:" : !strcmp(stage, "embed-second") ? "embedding, second model:" : stage;
}

void cli_progress(void *ctx, const cairn_progress *p)
{
    cli *c = ctx;
    char line[256], size[32];
    int n, width;

    if (!c->err_terminal || c->quiet)
        return;
    n = snprintf(line, sizeof line, "%-6s %zu", cli_stage_words(p->stage), p->done);
    if (p->total)
        n += snprintf(line + n, sizeof line - (size_t)n, "/%zu (%zu%%)", p->total,
                      p->done * 100 / p->total);
    if (p->bytes_done)
        n += snprintf(line + n, sizeof line - (size_t)n, "  %s",
                      cli_format_bytes(size, p->bytes_done));
    if (p->seconds > 0.5)
        n += snprintf(line + n, sizeof line - (size_t)n, "  %.0f/s", (double)p->done / p->seconds);
    if (p->seconds_left >= 0)
        n += snprintf(line + n, sizeof line - (size_t)n, "  %d:%02d left",
                      (int)p->seconds_left / 60, (int)p->seconds_left % 60);
    width = terminal_width() - 1;
    fprintf(stderr, "\r\x1b[K%.*s", width, line);
    if (p->current && n + 2 < width) {
        size_t room = (size_t)(width - n - 2), len = strlen(p->current);
        const char *tail = len > room ? p->current + (len - room) : p->current;
        fputs("  ", stderr);
        while ((*tail & 0xC0) == 0x80) /* not into the middle of a character */
            tail++;
        cli_put_text(stderr, tail, strlen(tail));
    }
    fflush(stderr);
}

static int by_reason(const void *a, const void *b)
{
    const cairn_failure *const *x = a, *const *y = b;
    int order = strcmp((*x)->reason, (*y)->reason);

    return order ? order : *x < *y ? -1 : *x > *y;
}

/* A line a file; where many failed for one reason (a folder of pictures), a line for all of them. */
static void print_failures(const cairn_failure *f, size_t n)
{
    const cairn_failure **sorted = calloc(n, sizeof *sorted);

    for (size_t i = 0; sorted && i < n; i++)
        sorted[i] = &f[i];
    if (sorted)
        qsort(sorted, n, sizeof *sorted, by_reason);
    for (size_t i = 0, end; sorted && i < n; i = end) {
        for (end = i + 1; end < n && !strcmp(sorted[end]->reason, sorted[i]->reason);)
            end++;
        if (end - i > MANY_FAILURES)
            fprintf(stderr, "cairn: not indexed: %zu files: %s (cairn status names them)\n", end - i,
                    sorted[i]->reason);
        for (size_t k = i; end - i <= MANY_FAILURES && k < end; k++) {
            fputs("cairn: not indexed: ", stderr);
            cli_put_text(stderr, sorted[k]->path, strlen(sorted[k]->path));
            fprintf(stderr, ": %s\n", sorted[k]->reason);
        }
    }
    free(sorted);
}

/* What is rare: files that the end of the run came before, and failures of what is not counted as seen. */
static void print_rest(const cairn_index_report *r)
{
    const size_t places = r->n_failed - r->unread - r->n_failed_inside;

    if (r->not_reached)
        printf(", %zu not reached", r->not_reached);
    if (r->n_failed_inside)
        printf("; inside of these %zu file%s failed", r->n_failed_inside, r->n_failed_inside == 1 ? "" : "s");
    if (places)
        printf("; %zu path%s could not be looked at", places, places == 1 ? "" : "s");
}

void cli_print_plan(cli *c, const cairn_index_report *r)
{
    cli_progress_clear(c);
    printf("%zu seen: %zu would be indexed, %zu are unchanged, %zu moved, %zu could not be read", r->seen, r->indexed,
           r->unchanged, r->moved, r->unread);
    print_rest(r);
    printf("; %zu would be removed; nothing was changed\n", r->removed);
}

void cli_print_report(cli *c, const cairn_index_report *r)
{
    cli_progress_clear(c);
    printf("%zu seen: %zu indexed, %zu unchanged, %zu moved, %zu failed", r->seen, r->indexed, r->unchanged, r->moved,
           r->unread);
    print_rest(r);
    printf("; %zu removed; %zu chunks, %zu vectors, %.1f s\n", r->removed, r->chunks, r->embedded, r->seconds);
    if (!c->quiet && r->n_failed) {
        fflush(stdout);
        print_failures(r->failed, r->n_failed);
    }
}

void cli_print_event(void *ctx, const cairn_index_event *e)
{
    cli *c = ctx;
    json_t *j;

    cli_progress_clear(c);
    if (c->json) {
        j = json_pack("{s:s,s:o}", "event", e->kind, "path", json_str(e->path));
        if (j && !*e->path)
            json_object_del(j, "path");
        if (j && e->from)
            json_object_set_new(j, "from", json_str(e->from));
        if (j && e->reason)
            json_object_set_new(j, "reason", json_str(e->reason));
        if (j && e->folder)
            json_object_set_new(j, "folder", json_true());
        cli_print_json_line(j);
        return;
    }
    printf("%-7s ", e->kind);
    cli_put_text(stdout, e->path, strlen(e->path));
    fputs(e->folder ? "/" : "", stdout);
    if (e->from) {
        fputs("  from ", stdout);
        cli_put_text(stdout, e->from, strlen(e->from));
    }
    if (e->reason)
        printf(*e->path ? "  (%s)" : "%s", e->reason);
    putchar('\n');
    fflush(stdout);
}

json_t *cli_json_failures(const cairn_failure *f, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:o,s:o}", "path", json_str(f[i].path),
                                              "reason", json_str(f[i].reason)));
    return list;
}

json_t *cli_json_report(const cairn_index_report *r)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:f}", "seen", (json_int_t)r->seen,
                     "indexed", (json_int_t)r->indexed, "unchanged", (json_int_t)r->unchanged,
                     "moved", (json_int_t)r->moved, "unread", (json_int_t)r->unread, "not_reached",
                     (json_int_t)r->not_reached, "failed", cli_json_failures(r->failed, r->n_failed), "failed_inside",
                     (json_int_t)r->n_failed_inside, "removed", (json_int_t)r->removed, "chunks", (json_int_t)r->chunks,
                     "embedded", (json_int_t)r->embedded, "seconds", r->seconds);
}

json_t *cli_json_audit(const cairn_audit *a)
{
    if (!a->known)
        return json_null();
    return json_pack("{s:f,s:I,s:I,s:I,s:I,s:I}", "recall10", a->recall10, "samples",
                     (json_int_t)a->samples, "vectors", (json_int_t)a->vectors, "unreachable",
                     (json_int_t)a->unreachable, "repaired", (json_int_t)a->repaired, "measured_ns",
                     (json_int_t)a->measured_ns);
}

void cli_print_audit(const cairn_audit *a)
{
    char time[32];

    printf("recall@10    %.4f of %llu samples, %llu vectors out of reach, measured %s",
           a->recall10, (unsigned long long)a->samples, (unsigned long long)a->unreachable,
           cli_format_time(time, a->measured_ns));
    if (a->repaired)
        printf(", %llu segments repaired", (unsigned long long)a->repaired);
    putchar('\n');
}

static json_t *json_reasons(const cairn_hit *h)
{
    json_t *all = json_array();

    for (size_t i = 0; i < h->n_reasons; i++) {
        const cairn_reason *r = &h->reasons[i];
        json_array_append_new(
            all, json_pack("{s:o,s:I,s:f,s:f,s:f,s:f,s:{s:I,s:I,s:I,s:I}}", "term",
                           json_str(r->term), "passages", (json_int_t)r->passages, "idf",
                           (double)r->idf, "boost", (double)r->boost, "frequency",
                           (double)r->frequency, "score", (double)r->score, "in", "title",
                           (json_int_t)r->in_title, "path", (json_int_t)r->in_path, "heading",
                           (json_int_t)r->in_heading, "text", (json_int_t)r->in_text));
    }
    return all;
}

json_t *cli_json_strings(const char *const *s, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_str(s[i]));
    return all;
}

json_t *cli_json_copies(const cairn_copy *copies, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:I,s:o,s:o,s:I,s:b,s:f}", "doc",
                                              (json_int_t)copies[i].doc, "uri",
                                              json_str(copies[i].uri), "title",
                                              json_str(copies[i].title), "mtime_ns",
                                              (json_int_t)copies[i].mtime_ns, "same_bytes",
                                              copies[i].same_bytes, "likeness", copies[i].likeness));
    return list;
}

/* What is known of the document around a passage. */
static void add_metadata(json_t *j, const cairn_hit *h)
{
    if (*h->author)
        json_object_set_new(j, "author", json_str(h->author));
    if (*h->lang)
        json_object_set_new(j, "lang", json_str(h->lang));
    json_object_set_new(j, "mime", json_str(h->mime));
    if (h->date_ns)
        json_object_set_new(j, "date_ns", json_integer((json_int_t)h->date_ns));
    if (h->modified_ns)
        json_object_set_new(j, "modified_ns", json_integer((json_int_t)h->modified_ns));
    if (h->created_ns)
        json_object_set_new(j, "created_ns", json_integer((json_int_t)h->created_ns));
    json_object_set_new(j, "tags", cli_json_strings(h->tags, h->n_tags));
    json_object_set_new(j, "places", cli_json_strings(h->places, h->n_places));
    if (h->n_versions)
        json_object_set_new(j, "versions", cli_json_copies(h->versions, h->n_versions));
}

json_t *cli_json_hit(const cairn_hit *h, bool explain)
{
    json_t *marks = json_array(), *scores = json_object(), *j;

    for (size_t i = 0; i < h->n_highlights; i++)
        json_array_append_new(marks, json_pack("[I,I]", (json_int_t)h->highlights[i].start,
                                               (json_int_t)h->highlights[i].end));
    json_object_set_new(scores, "fused", json_real(h->score));
    if (h->lexical_rank)
        json_object_set_new(scores, "lexical", json_real(h->lexical));
    if (h->vector_rank)
        json_object_set_new(scores, "vector", json_real(h->vector));
    if (h->second_rank)
        json_object_set_new(scores, "second", json_real((double)h->second));
    if (h->reread > 0)
        json_object_set_new(scores, "reread", json_real((double)h->reread));
    if (explain) {
        if (h->lexical_rank)
            json_object_set_new(scores, "lexical_rank", json_integer(h->lexical_rank));
        if (h->vector_rank)
            json_object_set_new(scores, "vector_rank", json_integer(h->vector_rank));
        if (h->second_rank)
            json_object_set_new(scores, "second_rank", json_integer(h->second_rank));
        json_object_set_new(scores, "nearness", json_real((double)h->nearness));
        json_object_set_new(scores, "words", json_reasons(h));
    }
    j = json_pack("{s:I,s:f,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "rank", (json_int_t)h->rank,
                  "score", (double)h->score, "doc", (json_int_t)h->doc, "chunk",
                  (json_int_t)h->chunk, "uri", json_str(h->uri), "title",
                  json_str(h->title), "page",
                  h->page ? json_integer(h->page) : json_null(), "heading",
                  json_str(h->heading), "text", json_text(h->text, h->text_len),
                  "highlights", marks, "scores", scores);
    if (j) {
        json_object_set_new(j, "start", json_integer((json_int_t)h->byte_start));
        json_object_set_new(j, "end", json_integer((json_int_t)h->byte_end));
    }
    if (j && h->line) {
        json_object_set_new(j, "line", json_integer(h->line));
        json_object_set_new(j, "line_last", json_integer(h->line_last));
    }
    if (j && h->page_last > h->page)
        json_object_set_new(j, "page_last", json_integer(h->page_last));
    if (j && h->page_label)
        json_object_set_new(j, "page_label", json_str(h->page_label));
    if (j)
        add_metadata(j, h);
    return j;
}
