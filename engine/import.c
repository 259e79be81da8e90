/* import.c - cairn_import_jsonl: documents that are lines of a file. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/extract_queue.h"
#include "engine/run.h"
#include "engine/vectors.h"
#include "ingest/extractor.h"

#define LINE_MAX_BYTES ((size_t)256 << 20)
#define CHUNK_MEMORY   ((size_t)1 << 30)

/* The `_id` as a text; a number is taken as it is written. */
static const char *id_of(const json_t *line, char buf[32])
{
    const json_t *id = json_object_get(line, "_id");

    if (json_is_integer(id)) {
        snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
        return buf;
    }
    return json_string_value(id);
}

/* ---- the language of a corpus ---- */

#define SAMPLE_LINES 400
#define SAMPLE_BYTES ((size_t)64 << 10)

/* The language of the file's first lines taken together, "" when they have several. A single short
 * document is often too little to tell: an abstract full of Latin names is English all the same. */
static cairn_status corpus_language(FILE *f, char out[16], cairn_error *err)
{
    char votes[32][16];
    size_t counts[32] = {0}, n_votes = 0, total = 0, cap = 0;
    char *line = NULL;
    ssize_t len;
    cairn_status st = CAIRN_OK;

    out[0] = '\0';
    for (int i = 0; !st && i < SAMPLE_LINES && (len = getline(&line, &cap, f)) >= 0; i++) {
        json_t *j = json_loadb(line, (size_t)len, 0, NULL);
        const json_t *body = json_object_get(j, "text");
        ingest_document *d = NULL;
        size_t size = json_string_length(body), k = 0;
        if (json_is_string(body))
            st = extractor_run_text("", json_string_value(body),
                                    size < SAMPLE_BYTES ? size : SAMPLE_BYTES, &d, err);
        if (!st && d && *d->lang) {
            while (k < n_votes && strcmp(votes[k], d->lang))
                k++;
            if (k < 32) {
                if (k == n_votes)
                    snprintf(votes[n_votes++], sizeof votes[0], "%s", d->lang);
                counts[k]++;
                total++;
            }
        }
        ingest_document_free(d);
        json_decref(j);
    }
    for (size_t k = 0; k < n_votes; k++)
        if (counts[k] * 5 >= total * 4)
            memcpy(out, votes[k], sizeof votes[k]);
    free(line);
    rewind(f);
    return st;
}

static cairn_status write_line(run *r, const store_snapshot *snapshot, piece_counter *pieces,
                               const char *id, const char *title, const char *lang,
                               const ingest_document *d, cairn_error *err)
{
    store_doc doc = {.uri = id,
                     .title = title,
                     .lang = *lang ? lang : d->lang,
                     .mime = "text/plain",
                     .ext = "",
                     .size = (int64_t)d->size};
    chunk_options o = engine_chunk_options(&r->c->settings, pieces, title, "");
    ingest_chunk *chunks;
    size_t n;
    store_doc old;
    arena memory;
    doc_id replaces = 0;
    cairn_status st;

    memcpy(doc.hash, d->hash, sizeof doc.hash);
    /* A line is a passage already: cut it only when it is far longer than one. What the embedder does
     * not read of a long passage is still found by its words. */
    o.max_tokens = (size_t)r->c->settings.import_tokens;
    arena_init(&memory, CHUNK_MEMORY);
    st = batch_find(r->batch, id, &replaces, err);
    if (!st && replaces && !store_doc_get(snapshot, replaces, &old, &memory, NULL) &&
        !memcmp(old.hash, doc.hash, sizeof doc.hash) && !strcmp(old.title, title)) {
        r->report->unchanged++;
        arena_clear(&memory);
        return CAIRN_OK;
    }
    if (!st)
        st = chunk_document(d, &o, &chunks, &n, &memory, err);
    if (!st)
        st = batch_put(r->batch, &doc, chunks, n, replaces, false, err);
    if (!st) {
        r->report->indexed++;
        r->report->chunks += n;
    }
    arena_clear(&memory);
    return st;
}

/* One line. A line that is no document is a failure of the report and stops nothing. */
static cairn_status take_line(run *r, const store_snapshot *snapshot, piece_counter *pieces,
                              const char *file,
                              const char *lang, size_t number, const char *text, size_t len,
                              cairn_error *err)
{
    char where[64], buf[32];
    json_error_t je;
    json_t *line = json_loadb(text, len, 0, &je);
    const char *id = line ? id_of(line, buf) : NULL;
    const char *title = json_string_value(json_object_get(line, "title"));
    const json_t *body = json_object_get(line, "text");
    ingest_document *d = NULL;
    cairn_status st = CAIRN_OK;

    snprintf(where, sizeof where, "line %zu", number);
    r->report->seen++;
    if (!line) {
        cairn_error why;
        cairn_fail(&why, CAIRN_EINPUT, "%s: not JSON: %s", where, je.text);
        st = run_fail(r, RUN_FAILED_FILE, file, why.text, err);
    } else if (!id || !*id || !json_is_string(body)) {
        cairn_error why;
        cairn_fail(&why, CAIRN_EINPUT, "%s: needs \"_id\" and \"text\"", where);
        st = run_fail(r, RUN_FAILED_FILE, file, why.text, err);
    } else {
        st = extractor_run_text(title ? title : "", json_string_value(body),
                                json_string_length(body), &d, err);
        if (!st)
            st = write_line(r, snapshot, pieces, id, title ? title : "", lang, d, err);
        ingest_document_free(d);
    }
    json_decref(line);
    return st;
}

static cairn_status import_lines(run *r, FILE *f, const char *file, cairn_error *err)
{
    store_snapshot *snapshot = NULL;
    piece_counter *pieces = NULL;
    encoder *e;
    char lang[16], *line = NULL;
    size_t cap = 0, number = 0;
    ssize_t len;
    cairn_status st = store_snapshot_open(r->c->store, &snapshot, err);

    if (!st)
        st = corpus_language(f, lang, err);
    if (!st && !engine_encoder(r->c, &e, NULL))
        st = piece_counter_create(&pieces, e, err);
    while (!st && (len = getline(&line, &cap, f)) >= 0) {
        number++;
        r->bytes_done += (uint64_t)len;
        if ((size_t)len > LINE_MAX_BYTES)
            st = cairn_fail(err, CAIRN_ELIMIT, "%s: line %zu is longer than %zu bytes", file,
                            number, LINE_MAX_BYTES);
        else if (len > 1 || (len == 1 && line[0] != '\n'))
            st = take_line(r, snapshot, pieces, file, lang, number, line, (size_t)len, err);
        if (!st && batch_is_due(r->batch))
            st = run_flush(r, &snapshot, err);
        run_progress(r, "index", r->report->seen, 0, NULL, false);
        if (!st && run_cancelled(r))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after line %zu", number);
    }
    if (!st && ferror(f))
        st = cairn_fail_errno(err, errno, "read %s", file);
    free(line);
    piece_counter_destroy(pieces);
    store_snapshot_close(snapshot);
    return st;
}

cairn_status cairn_import_jsonl(cairn *c, const char *file, const cairn_index_options *options,
                                cairn_index_report *report, cairn_error *err)
{
    struct stat sb;
    FILE *f = NULL;
    run r;
    cairn_status st = run_begin(&r, c, options, report, err);

    if (!st)
        st = engine_refuse_own_vectors(c, err);
    if (!st) {
        f = fopen(file, "re");
        if (!f) {
            st = cairn_fail(err, CAIRN_EINPUT, "open %s: %s", file, strerror(errno));
        }
    }
    if (!st) {
        if (!fstat(fileno(f), &sb))
            r.bytes_total = (uint64_t)sb.st_size;
        st = import_lines(&r, f, file, err);
    }
    if (f)
        fclose(f);
    return run_end(&r, st, err);
}
