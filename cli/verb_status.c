/* verb_status.c - cairn status: what is indexed, with which models, on which kernels. */
#include <string.h>

#include "cli/cli.h"
#include "engine/care.h"

static json_t *tiers_json(const cairn_status_info *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_tiers; i++) {
        const cairn_tier *t = &s->tiers[i];
        json_array_append_new(
            list, json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}", "kind", t->vectors ? "vectors" : "words",
                            "rows_up_to", (json_int_t)t->rows_up_to, "segments",
                            (json_int_t)t->segments, "rows", (json_int_t)t->rows, "deleted_rows",
                            (json_int_t)t->deleted_rows, "bytes", (json_int_t)t->bytes));
    }
    return list;
}

static json_t *running_json(const cairn_running *r)
{
    if (!r->active)
        return json_null();
    return json_pack("{s:I,s:s,s:I,s:I,s:f,s:o}", "pid", (json_int_t)r->pid, "stage", r->stage, "done",
                     (json_int_t)r->done, "total", (json_int_t)r->total, "per_second", r->per_second,
                     "seconds_left", r->seconds_left < 0 ? json_null() : json_real(r->seconds_left));
}

static json_t *second_json(const cairn_status_info *s)
{
    if (!s->second_name)
        return json_null();
    return json_pack("{s:o,s:I,s:I,s:b}", "name", json_str(s->second_name), "vectors", (json_int_t)s->second_vectors, "unread",
                     (json_int_t)s->second_unread, "searched", s->second_searched);
}

static json_t *watching_json(const cairn_watching *w)
{
    json_t *places = json_array();

    for (size_t i = 0; i < w->n_places; i++)
        json_array_append_new(places, json_pack("{s:o,s:s}", "path", json_str(w->places[i].path), "how",
                                                w->places[i].how));
    if (!w->active) {
        json_decref(places);
        return json_null();
    }
    return json_pack("{s:I,s:I,s:I,s:o}", "pid", (json_int_t)w->pid, "folders", (json_int_t)w->folders, "unwatched",
                     (json_int_t)w->unwatched, "places", places);
}

static json_t *status_json(const cairn_status_info *s)
{
    return json_pack(
        "{s:s,s:o,s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:{s:o,s:o},s:{s:o,s:o},s:o,s:o,s:b,s:o,s:o,s:f,s:o,s:o}",
        "version", s->version, "home", json_str(s->home), "collection",
        json_str(s->collection), "cpu", s->cpu, "threads", (json_int_t)s->n_threads,
        "documents", (json_int_t)s->documents, "chunks", (json_int_t)s->chunks, "vectors",
        (json_int_t)s->vectors, "pending_vectors", (json_int_t)s->pending_vectors, "segments",
        (json_int_t)s->segments, "deleted_rows", (json_int_t)s->deleted_rows, "disk_bytes",
        (json_int_t)s->disk_bytes, "text_bytes", (json_int_t)s->text_bytes, "audit",
        cli_json_audit(&s->audit), "embedder", "name",
        json_str(s->embedder_name), "path", json_str(s->embedder), "generator",
        "name", json_str(s->generator_name), "path", json_str(s->generator),
        "failed", cli_json_failures(s->failed, s->n_failed), "tiers", tiers_json(s), "merge_due",
        s->merge_due, "running", running_json(&s->running), "watching",
        watching_json(&s->watching), "vectors_per_second",
        s->vectors_per_second, "vectors_seconds_left",
        s->vectors_seconds_left < 0 ? json_null() : json_real(s->vectors_seconds_left), "second_embedder",
        second_json(s));
}

static void print_model(const char *what, const char *name, const char *path, const char *note)
{
    printf("%-12s %s", what, name ? name : "-");
    if (path)
        printf("  (%s)", path);
    else if (note)
        printf("  missing: %s", note);
    putchar('\n');
}

static void print_tiers(const cairn_status_info *s)
{
    char buf[32];

    for (size_t i = 0; i < s->n_tiers; i++) {
        const cairn_tier *t = &s->tiers[i];
        printf("  %-8s   %llu of ", t->vectors ? "vectors" : "words",
               (unsigned long long)t->segments);
        if (t->rows_up_to)
            printf("up to %llu rows", (unsigned long long)t->rows_up_to);
        else
            fputs("more rows than that", stdout);
        printf(": %llu rows, %s\n", (unsigned long long)t->rows, cli_format_bytes(buf, t->bytes));
    }
}

/* "embedding: 1200 of 5000 chunks, 75 a second, 51 s left" */
static void print_running(const cairn_running *r)
{
    const char *what = !strncmp(r->stage, "embed", 5) || !strcmp(r->stage, "rebuild") ? "chunks"
                       : !strcmp(r->stage, "merge")                              ? "rows"
                                                                                 : "files";
    char left[32];

    if (!r->active)
        return;
    const char *words = cli_stage_words(r->stage);
    printf("at work      %s%s %llu", words, words[strlen(words) - 1] == ':' ? "" : ":", (unsigned long long)r->done);
    if (r->total)
        printf(" of %llu", (unsigned long long)r->total);
    printf(" %s", what);
    if (r->per_second > 0)
        printf(", %.3g a second", r->per_second);
    if (r->seconds_left >= 0)
        printf(", %s left", cli_format_duration(left, r->seconds_left));
    printf(" (process %ld)\n", r->pid);
}

static void print_watching(const cairn_watching *w)
{
    if (!w->active)
        return;
    printf("watching     %llu folders", (unsigned long long)w->folders);
    if (w->unwatched)
        printf(", %llu are not", (unsigned long long)w->unwatched);
    printf(" (process %ld)\n", w->pid);
    if (!w->n_places)
        fputs("  by time: everything is looked at every so often\n", stdout);
    for (size_t i = 0; i < w->n_places; i++) {
        fputs("  ", stdout);
        cli_put_text(stdout, w->places[i].path, strlen(w->places[i].path));
        printf("%s%s\n", *w->places[i].path ? ": " : "", w->places[i].how);
    }
}

/* Those inside other files are named FILE!/NAME. */
static void print_failed_count(const cairn_status_info *s)
{
    size_t inside = 0;

    for (size_t i = 0; i < s->n_failed; i++)
        inside += strstr(s->failed[i].path, "!/") != NULL;
    printf("not indexed  %zu", s->n_failed);
    if (inside)
        printf(", %zu of them inside other files", inside);
    putchar('\n');
}

static void print_status(cli *c, const cairn_status_info *s)
{
    /* A run that makes vectors has the only true time left, and tells it itself. */
    bool embedding = s->running.active && !strcmp(s->running.stage, "embed");
    char buf[32];

    printf("%scairn %s%s\n", cli_bold(c), s->version, cli_plain(c));
    printf("home         %s\ncollection   %s\n", s->home, s->collection);
    printf("documents    %llu, in %llu chunks\n", (unsigned long long)s->documents,
           (unsigned long long)s->chunks);
    printf("vectors      %llu", (unsigned long long)s->vectors);
    if (s->pending_vectors) {
        printf(", %llu chunks wait", (unsigned long long)s->pending_vectors);
        if (s->vectors_seconds_left >= 0 && !embedding)
            printf(", about %s at %.3g a second", cli_format_duration(buf, s->vectors_seconds_left),
                   s->vectors_per_second);
        if (!s->running.active)
            fputs(" (cairn index goes on with them)", stdout);
    }
    putchar('\n');
    print_running(&s->running);
    print_watching(&s->watching);
    if (s->audit.known)
        cli_print_audit(&s->audit);
    printf("segments     %llu, %llu deleted rows\n", (unsigned long long)s->segments,
           (unsigned long long)s->deleted_rows);
    if (s->merge_due)
        fputs("             a merge is due (the next cairn index, or cairn compact)\n", stdout);
    print_tiers(s);
    printf("disk         %s", cli_format_bytes(buf, s->disk_bytes));
    printf(", text %s\n", cli_format_bytes(buf, s->text_bytes));
    print_model("embedder", s->embedder_name, s->embedder, s->embedder_note);
    if (s->second_name) {
        fputs("second       ", stdout);
        cli_put_text(stdout, s->second_name, strlen(s->second_name));
        printf(", vectors of %llu of %llu passages", (unsigned long long)s->second_vectors, (unsigned long long)s->chunks);
        if (s->second_unread)
            printf(", %llu in scripts that it does not know", (unsigned long long)s->second_unread);
        if (!s->second_searched && s->second_vectors + s->second_unread < s->chunks)
            fputs(", not searched yet (cairn index makes them)", stdout);
        putchar('\n');
    }
    if (s->second_lacking)
        printf("second       %s is not on this machine (scripts/fetch-models %s): English is found less well\n",
               s->second_lacking, s->second_lacking);
    print_model("generator", s->generator_name, s->generator, s->generator_note);
    printf("kernels      %s, %zu threads\n", s->cpu, s->n_threads);
    if (s->n_failed)
        print_failed_count(s);
    for (size_t i = 0; i < s->n_failed; i++) {
        fputs("  ", stdout);
        cli_put_text(stdout, s->failed[i].path, strlen(s->failed[i].path));
        printf(": %s\n", s->failed[i].reason);
    }
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{0}};
    cairn_status_info info = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int code;

    if (cli_next_option(c, argc, argv, extra) != -1)
        return CLI_USAGE;
    if (optind < argc)
        return cli_usage_error(c, "status takes no operands");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    st = cairn_status_get(engine, &info, &err);
    if (st)
        code = cli_fail(c, st, &err);
    else if (c->json)
        code = cli_print_json(c, status_json(&info));
    else
        print_status(c, &info);
    cairn_status_clear(&info);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_status = {
    "status", "what is indexed, with which models",
    "Usage: cairn status\n\n"
    "Shows documents, chunks, vectors (and how many still wait), segments by tier and whether a\n"
    "merge is due, sizes, models, the row of\n"
    "kernels in use (CAIRN_CPU=scalar|avx2|avx512 pins one) and files that could not be read.\n\n"
    "Examples:\n"
    "  cairn status\n"
    "  cairn status --json | jq .pending_vectors\n",
    run};
