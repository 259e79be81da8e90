/* pages.c - see pages.h. The lock guards the list of kept images and who has which worker; nothing
 * is drawn under it. */
#include "engine/pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "engine/engine.h"
#include "ingest/extractor.h"

#define WORKERS     2 /* a page that takes long holds up one of them */
#define WAITING     16
#define KEPT_IMAGES 128
#define KEPT_BYTES  ((size_t)32 << 20)
#define PAGE_MS     10000
#define KEY_BYTES   (4 * PAGE_IMAGE_TEXT_MAX)

typedef struct kept_image {
    XXH128_hash_t key;
    page_image image;
    uint64_t used; /* the clock at its last use */
} kept_image;

struct cairn_pages {
    pthread_mutex_t mutex; /* of the rest */
    pthread_cond_t freed;
    extractor *workers[WORKERS]; /* NULL until first needed; a busy one belongs to its caller */
    bool busy[WORKERS];
    unsigned waiting;
    kept_image kept[KEPT_IMAGES];
    size_t n_kept, kept_bytes;
    uint64_t clock;
};

cairn_status cairn_pages_open(cairn_pages **out, cairn_error *err)
{
    cairn_pages *p = calloc(1, sizeof *p);
    cairn_status st = p ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "images of pages");

    *out = p;
    if (st)
        return st;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->freed, NULL);
    return CAIRN_OK;
}

void cairn_pages_close(cairn_pages *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < WORKERS; i++)
        extractor_destroy(p->workers[i]);
    for (size_t i = 0; i < p->n_kept; i++)
        page_image_clear(&p->kept[i].image);
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

/* ---- images kept ---- */

static size_t weight(const page_image *image)
{
    return image->png_len + image->n_marks * sizeof *image->marks;
}

static void forget(cairn_pages *p, size_t i)
{
    p->kept_bytes -= weight(&p->kept[i].image);
    page_image_clear(&p->kept[i].image);
    p->kept[i] = p->kept[--p->n_kept];
}

/* Under the lock; takes the image over, or frees it. */
static void keep(cairn_pages *p, XXH128_hash_t key, page_image *image)
{
    for (size_t i = 0; i < p->n_kept; i++)
        if (XXH128_isEqual(p->kept[i].key, key)) { /* drawn twice at once */
            forget(p, i);
            break;
        }
    while (p->n_kept && (p->n_kept == KEPT_IMAGES || p->kept_bytes + weight(image) > KEPT_BYTES)) {
        size_t oldest = 0;
        for (size_t i = 1; i < p->n_kept; i++)
            if (p->kept[i].used < p->kept[oldest].used)
                oldest = i;
        forget(p, oldest);
    }
    p->kept_bytes += weight(image);
    p->kept[p->n_kept++] = (kept_image){key, *image, ++p->clock};
    *image = (page_image){0};
}

/* A copy for the caller: one piece of memory, the marks and then the image. */
static cairn_status copy_image(const page_image *from, cairn_page_image *out, cairn_error *err)
{
    cairn_page_mark *marks =
        malloc(from->n_marks * sizeof *marks + from->png_len + sizeof(cairn_page_mark));
    char *png;

    if (!marks)
        return cairn_fail(err, CAIRN_ENOMEM, "the image of a page");
    png = (char *)(marks + from->n_marks);
    for (size_t i = 0; i < from->n_marks; i++) {
        const page_mark *m = &from->marks[i];
        marks[i] = (cairn_page_mark){m->x0 / 65535.0f, m->y0 / 65535.0f, m->x1 / 65535.0f,
                                     m->y1 / 65535.0f};
    }
    memcpy(png, from->png, from->png_len);
    *out = (cairn_page_image){.png = png,
                              .png_len = from->png_len,
                              .width = from->width,
                              .height = from->height,
                              .n_pages = from->n_pages,
                              .marks = marks,
                              .n_marks = from->n_marks,
                              .memory = marks};
    return CAIRN_OK;
}

static bool find_kept(cairn_pages *p, XXH128_hash_t key, cairn_page_image *out, cairn_status *st,
                      cairn_error *err)
{
    bool found = false;

    pthread_mutex_lock(&p->mutex);
    for (size_t i = 0; i < p->n_kept && !found; i++) {
        if (!XXH128_isEqual(p->kept[i].key, key))
            continue;
        p->kept[i].used = ++p->clock;
        *st = copy_image(&p->kept[i].image, out, err);
        out->kept = true;
        found = true;
    }
    pthread_mutex_unlock(&p->mutex);
    return found;
}

void cairn_pages_forget(cairn_pages *p)
{
    pthread_mutex_lock(&p->mutex);
    while (p->n_kept)
        forget(p, p->n_kept - 1);
    pthread_mutex_unlock(&p->mutex);
}

void cairn_page_image_clear(cairn_page_image *image)
{
    free(image->memory);
    *image = (cairn_page_image){0};
}

/* ---- drawing ---- */

static cairn_status take_worker(cairn_pages *p, size_t *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    size_t i = WORKERS;

    pthread_mutex_lock(&p->mutex);
    if (p->waiting >= WAITING)
        st = cairn_fail(err, CAIRN_EBUSY, "%u pages are waiting to be drawn", p->waiting);
    p->waiting++;
    while (!st) {
        for (i = 0; i < WORKERS && p->busy[i]; i++)
            ;
        if (i < WORKERS)
            break;
        pthread_cond_wait(&p->freed, &p->mutex);
    }
    p->waiting--;
    if (!st)
        p->busy[ *out = i] = true;
    pthread_mutex_unlock(&p->mutex);
    return st;
}

static cairn_status draw(cairn_pages *p, const store_doc *doc, const page_request *want,
                         XXH128_hash_t key, cairn_page_image *out, cairn_error *err)
{
    page_image image = {0};
    size_t worker;
    cairn_status st = take_worker(p, &worker, err);

    if (st)
        return st;
    if (!p->workers[worker])
        st = extractor_create(&p->workers[worker], &(extractor_options){.deadline_ms = PAGE_MS},
                              err);
    if (!st)
        st = extractor_render(p->workers[worker], doc->uri, doc->hash, want, &image, err);
    pthread_mutex_lock(&p->mutex);
    p->busy[worker] = false;
    pthread_cond_signal(&p->freed);
    if (!st)
        st = copy_image(&image, out, err);
    if (!st)
        keep(p, key, &image);
    pthread_mutex_unlock(&p->mutex);
    page_image_clear(&image);
    return st;
}

static cairn_status make_key(const store_doc *doc, const page_request *want, XXH128_hash_t *out)
{
    cairn_status st;
    bytes all;

    bytes_init(&all, KEY_BYTES);
    st = bytes_append(&all, doc->hash, sizeof doc->hash);
    if (!st)
        st = bytes_append_u32(&all, want->page);
    if (!st)
        st = bytes_append_u32(&all, want->width);
    if (!st)
        st = bytes_append_u64(&all, want->passage_len);
    if (!st)
        st = bytes_append(&all, want->passage, want->passage_len);
    if (!st)
        st = bytes_append(&all, want->words, want->words_len);
    if (!st)
        *out = XXH3_128bits(all.data, all.len);
    bytes_clear(&all);
    return st;
}

static cairn_status check_document(const store_doc *doc, cairn_error *err)
{
    static const uint8_t unknown[sizeof doc->hash];

    if (strcmp(doc->mime, "application/pdf") != 0 || doc->uri[0] != '/' || strstr(doc->uri, "!/") ||
        !memcmp(doc->hash, unknown, sizeof unknown))
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "\"%s\" has no pages to show as images: only PDF files have", doc->uri);
    return CAIRN_OK;
}

cairn_status cairn_pages_draw(cairn_pages *p, cairn *c, const cairn_page_request *request,
                              cairn_page_image *out, cairn_error *err)
{
    page_request want = {.page = request->page,
                         .width = request->width,
                         .passage = request->passage ? request->passage : "",
                         .words = request->words ? request->words : ""};
    store_snapshot *s;
    store_doc doc;
    XXH128_hash_t key;
    arena memory;
    cairn_status st;

    *out = (cairn_page_image){0};
    want.passage_len = strlen(want.passage);
    want.words_len = strlen(want.words);
    if (want.passage_len > PAGE_IMAGE_TEXT_MAX || want.words_len > PAGE_IMAGE_TEXT_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "a passage and its words have at most %zu bytes",
                          PAGE_IMAGE_TEXT_MAX);
    arena_init(&memory, (size_t)1 << 24);
    st = store_snapshot_open(c->store, &s, err);
    if (!st) {
        st = engine_find_document(c, s, request->document, &doc, &memory, err);
        store_snapshot_close(s);
    }
    if (!st)
        st = check_document(&doc, err);
    if (!st && (st = make_key(&doc, &want, &key)))
        cairn_fail(err, st, "the image of a page");
    if (!st && !find_kept(p, key, out, &st, err))
        st = draw(p, &doc, &want, key, out, err);
    arena_clear(&memory);
    return st;
}
