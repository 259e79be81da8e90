/* fuzz_cluster - any bytes as what the nodes of a cluster answer: hits of searches, items of bulk requests, stored documents, the
 * state record, errors. Whatever comes, there is a status, and nothing is read past its end.
 *
 * The input: a byte that says what is asked, then answers parted by 0x1e, each a status of three
 * digits and its body; when they are over, nodes cannot be reached. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "opensearch/http.h"
#include "opensearch/room.h"

#define PARTED 0x1e

static const uint8_t *at, *end;

static http_connection *open_nothing(void)
{
    return malloc(1);
}

static void close_nothing(http_connection *c)
{
    free(c);
}

static http_end answer(http_connection *c, const http_call *call, http_answer *out, char why[HTTP_WHY])
{
    const uint8_t *stop = at < end ? memchr(at, PARTED, (size_t)(end - at)) : NULL;

    (void)c, (void)call;
    *out = (http_answer){0};
    stop = stop ? stop : end;
    if (stop - at < 3) {
        at = end;
        strcpy(why, "over");
        return HTTP_FAILED; /* not asked again */
    }
    for (int i = 0; i < 3; i++)
        out->status = out->status * 10 + (at[i] - '0') % 10;
    out->len = (size_t)(stop - at) - 3;
    out->body = malloc(out->len + 1);
    if (!out->body)
        abort();
    memcpy(out->body, at + 3, out->len);
    out->body[out->len] = '\0';
    at = stop < end ? stop + 1 : end;
    return HTTP_ANSWERED;
}

static const http_module nodes = {HTTP_MODULE_VERSION, open_nothing, close_nothing, answer};

/* ---- what is asked ---- */

static bool tell(void *ctx, const store_failure *f)
{
    (void)ctx;
    return f->path && f->reason;
}

static void search(store_snapshot *s, arena *a, bool vectors, bool documents)
{
    retrieve_index index = opensearch_index(s);
    retrieve_query query;
    retrieve_params params;
    retrieve_lists lists = {0};
    float question[2] = {0.6f, 0.8f};
    lexical_reader *reader;
    const char *corrected;
    void *held;
    bool all;
    analyzer *an;
    chunk_id ids[32];

    if (analyzer_create(&an, NULL))
        abort();
    retrieve_params_default(&params);
    params.suggests = params.matches = true;
    if (!retrieve_query_parse(&query, documents ? "ext:pdf" : "red granite \"old stone\" gran*", documents ? NULL : "lang:en", a, NULL)) {
        retrieve_ask ask = {.query = &query, .params = &params, .words = true, .question = vectors ? question : NULL, .dim = 2,
                            .documents = documents, .k = 10, .an = an, .a = a};
        if (!index.lists(index.ctx, &ask, &lists, NULL)) {
            for (size_t i = 1; i < lists.words.n; i++)
                if (lists.words.items[i - 1].score < lists.words.items[i].score)
                    abort();
            index.remote->best(index.ctx, ids, 32);
            store_prefetch(s, ids, lists.words.n < 2 ? lists.words.n : 1, NULL);
        }
        if (!index.remote->sample(index.ctx, an, "red granite", 11, &reader, &held, &all, NULL))
            lexical_reader_close(reader);
        index.remote->release(held);
        index.remote->correct(index.ctx, an, "red granite", 11, a, &corrected, NULL);
    }
    analyzer_destroy(an);
}

static void read_all(store_snapshot *s, arena *a)
{
    retrieve_index index = opensearch_index(s);
    chunk_id ids[8] = {(chunk_id)1 << OPENSEARCH_CHUNK_BITS, ((chunk_id)2 << OPENSEARCH_CHUNK_BITS) + 1};
    const uint8_t *data;
    store_doc_iter *it;
    store_failure f;
    store_chunk c;
    store_doc d;
    bool current, has[2];
    float rows[4];
    size_t n;

    store_prefetch(s, ids, 2, NULL);
    for (size_t i = 0; i < 2; i++) {
        store_chunk_get(s, ids[i], &c, a, NULL);
        store_doc_get(s, i + 1, &d, a, NULL);
    }
    store_doc_find(s, "/a", &d, a, NULL);
    store_meta_get(s, "key", a, &data, &n, NULL);
    store_failure_find(s, "/a", &f, a, NULL);
    store_chunk_next(s, 0, ids, 8, &n, NULL);
    if (n > 8)
        abort();
    index.remote->vectors(index.ctx, ids, 2, 2, rows, has, NULL);
    index.remote->is_current(index.ctx, &current, NULL);
    store_failure_each(s, tell, NULL, NULL);
    if (!store_doc_iter_open(s, "/", &it, NULL)) {
        for (int i = 0; i < 4 && !store_doc_iter_next(it, &d, a, NULL); i++)
            ;
        store_doc_iter_close(it);
    }
}

static void write_some(struct os_store *s)
{
    static const char lines[] = "{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"update\":{\"_id\":\"2\"}}\n{\"doc\":{}}\n"
                                "{\"delete\":{\"_id\":\"3\"}}\n";
    bytes b;

    bytes_init(&b, 4096);
    if (bytes_append_str(&b, lines))
        abort();
    os_bulk(s, &b, true, NULL);
    bytes_clear(&b);
    store_check((store *)s, false, NULL, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile sig_atomic_t stopped = 1; /* no pause is waited for */
    client_options o = {.urls = "http://x", .http = &nodes, .retry_ms = 1};
    struct os_store s = {.head = {&opensearch_backend}, .name = (char *)"x", .prefix = (char *)"x", .documents = (char *)"x-d",
                         .chunks = (char *)"x-c", .state = (char *)"x-s", .limits = {.cancel = &stopped}};
    store_snapshot *snap;
    arena a;

    if (!size)
        return 0;
    at = data + 1;
    end = data + size;
    if (client_create(&s.client, &o, NULL))
        abort();
    arena_init(&a, (size_t)64 << 20);
    if (data[0] % 5 == 4)
        write_some(&s);
    else if (!store_snapshot_open((store *)&s, &snap, NULL)) {
        if (data[0] % 5 == 3)
            read_all(snap, &a);
        else
            search(snap, &a, data[0] % 5 == 1, data[0] % 5 == 2);
        store_snapshot_close(snap);
    }
    arena_clear(&a);
    os_at_hand_forget(&s);
    json_decref(s.kept_chunks);
    json_decref(s.kept_docs);
    json_decref(s.kept_values);
    os_state_see(&s, NULL, NULL);
    client_destroy(s.client);
    return 0;
}
