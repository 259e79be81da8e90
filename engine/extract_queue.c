/* extract_queue.c - a ring of results. Thread t takes the next path once its place in the ring is
 * free; the consumer waits for the place of its own position. */
#include "engine/extract_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/ocr.h"
#include "ingest/extractor.h"

#define WINDOW_PER_THREAD 16
#define CHUNK_MEMORY ((size_t)1 << 30)
/* Pieces kept free for the title and the headings that are embedded with a chunk. */
#define TITLE_PIECES_MAX 40
#define HEADING_PIECES   12

typedef struct slot {
    extracted result;
    bool ready;
} slot;

struct extract_queue {
    cairn *c;
    encoder *encoder;
    const extract_item *items;
    size_t n;
    size_t n_threads, n_started;
    pthread_t *threads;
    slot *ring;
    size_t window;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t next_path;   /* taken by a thread */
    size_t next_result; /* wanted by the consumer */
    bool stop;
    atomic_bool cancel; /* the same, for the extractors */
    const give_way *run_way;
    give_way way; /* the same, and false once the queue ends */
};

chunk_options engine_chunk_options(const settings *s, piece_counter *pieces, const char *title,
                                   const char *file_name)
{
    chunk_options o = {.max_tokens = (size_t)s->chunk_tokens,
                       .overlap_tokens = (size_t)s->chunk_overlap};

    if (!o.overlap_tokens)
        o.overlap_tokens = SIZE_MAX;
    chunk_method_for(s->chunker, file_name, &o.method); /* checked when the settings were read */
    if (pieces) {
        size_t budget = encoder_text_budget(piece_counter_encoder(pieces));
        size_t title_pieces = piece_count(pieces, title, strlen(title));
        size_t taken = (title_pieces < TITLE_PIECES_MAX ? title_pieces : TITLE_PIECES_MAX) +
                       HEADING_PIECES;
        budget = budget > taken + 16 ? budget - taken : 16;
        if (o.max_tokens > budget)
            o.max_tokens = budget;
        o.count_tokens = piece_count;
        o.ctx = pieces;
    }
    return o;
}

static cairn_status chunk_members(const settings *s, piece_counter *pieces, extracted *r)
{
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    for (const ingest_document *m = r->document->members; m; m = m->next)
        n++;
    if (n && !(r->members = arena_calloc(&r->memory, n, sizeof *r->members)))
        return cairn_fail(&r->error, CAIRN_ENOMEM, "%zu files in a file", n);
    for (ingest_document *m = r->document->members; m && !st; m = m->next) {
        extracted_member *x = &r->members[r->n_members++];
        chunk_options o = engine_chunk_options(s, pieces, m->title, m->member);
        x->document = m;
        if (*s->language)
            m->lang = s->language;
        if (!m->status)
            st = chunk_document(m, &o, &x->chunks, &x->n_chunks, &r->memory, &r->error);
    }
    return st;
}

static void extract_one(const settings *s, extractor *ex, piece_counter *pieces, const char *path,
                        extracted *r)
{
    *r = (extracted){0};
    arena_init(&r->memory, CHUNK_MEMORY);
    r->status = extractor_run(ex, path, &r->document, &r->error);
    if (!r->status) {
        chunk_options o = engine_chunk_options(s, pieces, r->document->title, path);
        if (*s->language)
            r->document->lang = s->language;
        r->status = chunk_document(r->document, &o, &r->chunks, &r->n_chunks, &r->memory,
                                   &r->error);
        if (!r->status)
            r->status = chunk_members(s, pieces, r);
    }
    if (r->status) {
        ingest_document_free(r->document);
        r->document = NULL;
    }
}

static void free_result(extracted *r)
{
    ingest_document_free(r->document);
    arena_clear(&r->memory);
    *r = (extracted){0};
}

/* A thread's extractor, and the settings it was made for. */
typedef struct reader {
    extractor *ex;
    const settings *s;
    char languages[OCR_LANGUAGES_BYTES];
} reader;

static bool reads_alike(const settings *a, const settings *b)
{
    return a == b || (!strcmp(a->ocr, b->ocr) && !strcmp(a->ocr_languages, b->ocr_languages) &&
                      a->extract_seconds == b->extract_seconds);
}

/* Another extractor where the folder's settings ask for one; files come folder by folder. */
static cairn_status reader_for(reader *r, extract_queue *q, const settings *s, cairn_error *err)
{
    extractor_options opt = {
        .deadline_ms = (int64_t)(s->extract_seconds * 1000),
        .max_text = (size_t)(s->max_file_mb * 1e6), /* a text file of any size we take */
        .cancel = &q->cancel,
        .way = &q->way,
    };

    if (r->ex && reads_alike(r->s, s))
        return CAIRN_OK;
    extractor_destroy(r->ex);
    r->ex = NULL;
    r->s = s;
    opt.ocr = engine_ocr_languages(s, r->languages);
    opt.ocr_images = !strcmp(s->ocr, "all");
    return extractor_create(&r->ex, &opt, err);
}

static bool others_wait(void *ctx)
{
    extract_queue *q = ctx;

    return !atomic_load(&q->cancel) && give_way_wanted(q->run_way);
}

static void *thread_main(void *arg)
{
    extract_queue *q = arg;
    reader reader = {.ex = NULL};
    piece_counter *pieces = NULL;
    cairn_error create_error = {0};
    cairn_status create_status = CAIRN_OK;
    give_way_account account = {0};

    if (q->encoder)
        create_status = piece_counter_create(&pieces, q->encoder, &create_error);
    pthread_mutex_lock(&q->lock);
    while (!q->stop && q->next_path < q->n) {
        extracted r;
        size_t i = q->next_path;
        if (i >= q->next_result + q->window) {
            pthread_cond_wait(&q->changed, &q->lock);
            continue;
        }
        q->next_path++;
        pthread_mutex_unlock(&q->lock);
        give_way_step(&q->way, &account, 0);
        if (!create_status)
            create_status = reader_for(&reader, q, q->items[i].s, &create_error);
        if (create_status) {
            r = (extracted){.status = create_status, .error = create_error};
            arena_init(&r.memory, CHUNK_MEMORY);
        } else {
            extract_one(q->items[i].s, reader.ex, pieces, q->items[i].path, &r);
        }
        pthread_mutex_lock(&q->lock);
        q->ring[i % q->window] = (slot){.result = r, .ready = true};
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    extractor_destroy(reader.ex);
    piece_counter_destroy(pieces);
    return NULL;
}

/* Whether files can be read at all: a part of the installation that is missing is said once, and not of each file. */
static cairn_status can_read(cairn_error *err)
{
    extractor *ex;
    cairn_status st = extractor_create(&ex, NULL, err);

    if (!st)
        extractor_destroy(ex);
    return st;
}

cairn_status extract_queue_start(extract_queue **out, cairn *c, const give_way *way, const extract_item *items, size_t n,
                                 cairn_error *err)
{
    extract_queue *q = NULL;
    cairn_status st = n ? can_read(err) : CAIRN_OK;

    *out = NULL;
    if (st)
        return st;
    q = calloc(1, sizeof *q);
    if (!q)
        return cairn_fail(err, CAIRN_ENOMEM, "extraction queue");
    q->c = c;
    q->run_way = way;
    q->way = (give_way){others_wait, q};
    /* Without the encoder, pieces are guessed: words alone can still be indexed. */
    if (engine_encoder(c, &q->encoder, NULL))
        q->encoder = NULL;
    q->items = items;
    q->n = n;
    q->n_threads = c->n_threads < n ? c->n_threads : n;
    q->window = (q->n_threads ? q->n_threads : 1) * WINDOW_PER_THREAD;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    q->threads = calloc(q->n_threads + 1, sizeof *q->threads);
    q->ring = calloc(q->window, sizeof *q->ring);
    if (!q->threads || !q->ring) {
        extract_queue_stop(q);
        return cairn_fail(err, CAIRN_ENOMEM, "extraction queue");
    }
    for (size_t i = 0; i < q->n_threads; i++) {
        int rc = pthread_create(&q->threads[i], NULL, thread_main, q);
        if (rc) {
            extract_queue_stop(q);
            return cairn_fail_errno(err, rc, "start extraction thread");
        }
        q->n_started++;
    }
    *out = q;
    return CAIRN_OK;
}

extracted *extract_queue_next(extract_queue *q)
{
    slot *s = &q->ring[q->next_result % q->window];
    struct timespec until;
    bool ready;
    int e = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&q->lock);
    while (!s->ready && e != ETIMEDOUT)
        e = pthread_cond_timedwait(&q->changed, &q->lock, &until);
    ready = s->ready;
    pthread_mutex_unlock(&q->lock);
    return ready ? &s->result : NULL;
}

void extract_queue_done(extract_queue *q)
{
    slot *s = &q->ring[q->next_result % q->window];

    pthread_mutex_lock(&q->lock);
    free_result(&s->result);
    s->ready = false;
    q->next_result++;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

void extract_queue_stop(extract_queue *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    q->stop = true;
    atomic_store(&q->cancel, true);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    for (size_t i = 0; i < q->n_started; i++)
        pthread_join(q->threads[i], NULL);
    for (size_t i = 0; q->ring && i < q->window; i++)
        if (q->ring[i].ready)
            free_result(&q->ring[i].result);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
    free(q->threads);
    free(q->ring);
    free(q);
}
