/* writer.c - build an index from passages, on several threads and in a stated memory.
 *
 * 1. lexical_writer_add numbers the row and, with threads, copies the passage into a block. Full
 *    blocks go to the workers, each of which has an inverter (inverter.h): it analyses the rows and
 *    collects postings by term. Without threads the caller's row goes straight to one inverter.
 * 2. An inverter that has used its share of the memory writes a sorted run to a file without a name
 *    and begins anew.
 * 3. lexical_writer_finish walks the runs of all inverters side by side in the order of their
 *    terms. The streams of a term, a stream a run, are gathered into batches; workers put the rows
 *    of each term in order and encode them; the lists are written in the order of the batches
 *    (writer_lists.c).
 *
 * Which worker took which rows is left to chance. The result is not: a row's number, length and
 * language are given by the caller's thread, and a term's postings are put in order of their rows,
 * so the sections are the same bytes for every number of threads and every memory budget.
 *
 * Memory: the inverters share three quarters of the budget, blocks and batches on their way take
 * about half a megabyte a thread. At the end, what is in memory stays there when nothing was spilled
 * and it is less than half of the budget; otherwise it is written out too, so that the buffers of
 * the output have the room. Not counted: five bytes a row for lengths and languages (ten while finishing), the
 * longest single list, which is encoded in memory, and about 20 bytes a distinct word and thread for
 * the written forms.
 *
 * Threads: jobs lie in a ring. The caller submits at `tail` and collects at `head`; workers take
 * at `next`. All three only grow, under `lock`; a job belongs to whoever took it last. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/writer.h"

#define BUDGET_DEFAULT ((size_t)64 << 20)
#define BUDGET_LEAST   ((size_t)1 << 20) /* a thread, too */
#define THREADS_MAX    64
#define BLOCK_BYTES    ((size_t)192 << 10)

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for a lexical writer");
}

/* ---- the work of a job ---- */

/* Spill when the inverter's share is used up. */
static cairn_status hold_share(worker *k, cairn_error *err)
{
    if (inverter_memory(k->inverter) < k->w->budget / 4 * 3 / k->w->n_workers)
        return CAIRN_OK;
    return inverter_spill(k->inverter, false, err);
}

static cairn_status invert_block(worker *k, job *j, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (uint32_t i = 0; i < j->n_rows && !st; i++) {
        job_row *r = &j->rows[i];
        lexical_doc doc = {.lang = j->text.data + r->lang};
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
            doc.field[f].text = j->text.data + r->at[f];
            doc.field[f].len = r->len[f];
        }
        st = inverter_add(k->inverter, &doc, j->first_row + i, &r->length, err);
    }
    return st ? st : hold_share(k, err);
}

static void run_job(worker *k, job *j)
{
    j->status = j->encode ? writer_encode(k, j, &j->error) : invert_block(k, j, &j->error);
}

/* ---- the ring ---- */

static void *work(void *ctx)
{
    worker *k = ctx;
    lexical_writer *w = k->w;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->next == w->tail && !w->stop)
            pthread_cond_wait(&w->submitted, &w->lock);
        if (w->stop)
            break;
        job *j = &w->jobs[w->next++ % w->n_jobs];
        pthread_mutex_unlock(&w->lock);
        run_job(k, j);
        pthread_mutex_lock(&w->lock);
        j->done = true;
        pthread_cond_signal(&w->finished);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void take_rows(lexical_writer *w, const job *j)
{
    for (uint32_t i = 0; i < j->n_rows; i++) {
        const job_row *r = &j->rows[i];
        uint8_t *to = (uint8_t *)w->rows.data + (size_t)(j->first_row + i) * (LEXICAL_FIELDS + 1);
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
            to[f] = length_code(r->length.words[f]);
            w->meta.total[f] += r->length.words[f];
        }
    }
}

static cairn_status take_lists(lexical_writer *w, job *j, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (j->post.head.len)
        st = spool_write(&w->out->post, j->post.head.data, j->post.head.len, err);
    if (!st && j->pos.head.len)
        st = spool_write(&w->out->pos, j->pos.head.data, j->pos.head.len, err);
    for (size_t i = 0; i < j->n_terms && !st; i++) {
        const job_term *t = &j->terms[i];
        st = index_output_term(w->out, j->text.data + t->text, t->len, &t->size, 0, err);
    }
    return st;
}

/* Collect the oldest job, waiting for it. */
static cairn_status collect(lexical_writer *w, cairn_error *err)
{
    job *j = &w->jobs[w->head % w->n_jobs];
    cairn_status st;

    pthread_mutex_lock(&w->lock);
    while (!j->done)
        pthread_cond_wait(&w->finished, &w->lock);
    w->head++;
    pthread_mutex_unlock(&w->lock);
    st = j->status;
    if (st && err)
        *err = j->error;
    if (!st && j->encode)
        st = take_lists(w, j, err);
    else if (!st)
        take_rows(w, j);
    if (st)
        w->broken = true;
    return st;
}

static cairn_status collect_all(lexical_writer *w, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    while (w->head < w->tail) {
        cairn_status one = collect(w, st ? NULL : err);
        st = st ? st : one;
    }
    return st;
}

/* The longest lists pass through a job, too: their memory is not kept. */
static void job_shrink(job *j)
{
    if (j->text.cap > 4 * BATCH_BYTES)
        bytes_clear(&j->text);
    if (j->post.head.cap > 4 * BATCH_BYTES)
        bytes_clear(&j->post.head);
    if (j->pos.head.cap > 4 * BATCH_BYTES)
        bytes_clear(&j->pos.head);
}

/* A free job at the tail, emptied. */
cairn_status writer_new_job(lexical_writer *w, bool encode, job **out, cairn_error *err)
{
    cairn_status st = w->tail - w->head == w->n_jobs ? collect(w, err) : CAIRN_OK;
    job *j = &w->jobs[w->tail % w->n_jobs];

    if (st)
        return st;
    job_shrink(j);
    j->encode = encode;
    j->done = false;
    j->status = CAIRN_OK;
    bytes_reset(&j->text);
    j->n_rows = 0;
    j->n_terms = j->n_streams = 0;
    spool_reset(&j->post);
    spool_reset(&j->pos);
    if (!encode && !j->rows && !(j->rows = checked_malloc(BLOCK_ROWS, sizeof *j->rows)))
        return no_memory(err);
    if (encode && !j->terms && !(j->terms = checked_malloc(BATCH_TERMS, sizeof *j->terms)))
        return no_memory(err);
    *out = j;
    return CAIRN_OK;
}

/* Hand the job at the tail to the workers; without threads, do it. */
cairn_status writer_submit(lexical_writer *w, job *j, cairn_error *err)
{
    if (!w->threaded)
        run_job(&w->workers[0], j);
    pthread_mutex_lock(&w->lock);
    w->tail++;
    if (!w->threaded) {
        w->next++;
        j->done = true;
    }
    pthread_cond_signal(&w->submitted);
    pthread_mutex_unlock(&w->lock);
    return w->threaded ? CAIRN_OK : collect(w, err);
}

/* ---- life ---- */

static void job_clear(job *j)
{
    bytes_clear(&j->text);
    free(j->rows);
    free(j->terms);
    free(j->streams);
    spool_clear(&j->post);
    spool_clear(&j->pos);
}

static cairn_status start_workers(lexical_writer *w, const lexical_writer_options *o,
                                  cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < w->n_jobs; i++) {
        bytes_init(&w->jobs[i].text, SIZE_MAX / 2);
        spool_init(&w->jobs[i].post);
        spool_init(&w->jobs[i].pos);
        w->jobs[i].post.memory = w->jobs[i].pos.memory = SIZE_MAX;
    }
    for (size_t i = 0; i < w->n_workers && !st; i++) {
        w->workers[i].w = w;
        list_encoder_init(&w->workers[i].lists, NULL, NULL);
        st = inverter_create(&w->workers[i].inverter, w->dir,
                             o->wanted && !w->threaded ? o->analyzer : NULL, err);
        if (!st && o->wanted)
            st = inverter_want(w->workers[i].inverter, o->wanted, o->n_wanted, err);
    }
    for (size_t i = 0; i < w->n_workers && !st && w->threaded; i++) {
        int e = pthread_create(&w->workers[i].thread, NULL, work, &w->workers[i]);
        if (e)
            st = cairn_fail_errno(err, e, "start a thread");
        else
            w->workers[i].started = true;
    }
    return st;
}

cairn_status lexical_writer_create(lexical_writer **out, const lexical_writer_options *options,
                                   cairn_error *err)
{
    static const lexical_writer_options nothing;
    const lexical_writer_options *o = options ? options : &nothing;
    lexical_writer *w = calloc(1, sizeof *w);
    lexical_params p;
    cairn_status st;

    *out = NULL;
    if (!w)
        return no_memory(err);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->submitted, NULL);
    pthread_cond_init(&w->finished, NULL);
    w->budget = o->memory_budget ? o->memory_budget : BUDGET_DEFAULT;
    w->budget = w->budget > BUDGET_LEAST ? w->budget : BUDGET_LEAST;
    bytes_init(&w->rows, SIZE_MAX / 2);
    lexical_params_default(&p);
    memcpy(w->meta.weight, p.weight, sizeof p.weight);
    memcpy(w->meta.b, p.b, sizeof p.b);
    w->n_workers = o->n_threads < 1 ? 1 : o->n_threads < THREADS_MAX ? o->n_threads : THREADS_MAX;
    if (w->n_workers > w->budget / BUDGET_LEAST)
        w->n_workers = w->budget / BUDGET_LEAST;
    w->threaded = w->n_workers > 1;
    w->n_jobs = w->threaded ? 2 * w->n_workers + 1 : 1;
    w->workers = calloc(w->n_workers, sizeof *w->workers);
    w->jobs = calloc(w->n_jobs, sizeof *w->jobs);
    w->dir = o->spill_dir ? strdup(o->spill_dir) : NULL;
    if (!w->workers || !w->jobs || (o->spill_dir && !w->dir))
        st = no_memory(err);
    else
        st = start_workers(w, o, err);
    if (st) {
        lexical_writer_destroy(w);
        return st;
    }
    *out = w;
    return CAIRN_OK;
}

void lexical_writer_destroy(lexical_writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->submitted);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; w->workers && i < w->n_workers; i++) {
        if (w->workers[i].started)
            pthread_join(w->workers[i].thread, NULL);
        inverter_destroy(w->workers[i].inverter);
        list_encoder_clear(&w->workers[i].lists);
    }
    for (size_t i = 0; w->jobs && i < w->n_jobs; i++)
        job_clear(&w->jobs[i]);
    pthread_cond_destroy(&w->finished);
    pthread_cond_destroy(&w->submitted);
    pthread_mutex_destroy(&w->lock);
    free(w->workers);
    free(w->jobs);
    free(w->dir);
    bytes_clear(&w->rows);
    free(w);
}

uint32_t lexical_writer_rows(const lexical_writer *w)
{
    return w->meta.n_rows;
}

bool lexical_writer_full(const lexical_writer *w)
{
    return w->meta.n_rows >= ROWS_MAX;
}

/* ---- rows ---- */

/* Index of a language in the segment's list; the 255th and later count as unknown. */
static uint8_t language_index(lexical_writer *w, const char *lang)
{
    lexical_lang *l = w->meta.langs;
    char code[4] = {0};

    for (size_t i = 0; lang && i < 3 && lang[i] && lang[i] != '-' && lang[i] != '_'; i++)
        code[i] = (char)(lang[i] >= 'A' && lang[i] <= 'Z' ? lang[i] | 0x20 : lang[i]);
    for (size_t i = 0; i < w->meta.n_langs; i++)
        if (!memcmp(l[i].code, code, 4))
            return (uint8_t)i;
    if (w->meta.n_langs == LANGS_MAX)
        return 0;
    memcpy(l[w->meta.n_langs].code, code, 4);
    return (uint8_t)w->meta.n_langs++;
}

/* Copy the passage into the open block; a full block goes to the workers. */
static cairn_status add_to_block(lexical_writer *w, const lexical_doc *doc, uint32_t row,
                                 cairn_error *err)
{
    const char *lang = doc->lang ? doc->lang : "";
    job *j = w->open;
    job_row *r;
    cairn_status st = CAIRN_OK;

    if (!j) {
        st = writer_new_job(w, false, &j, err);
        if (st)
            return st;
        j->first_row = row;
        w->open = j;
    }
    r = &j->rows[j->n_rows];
    for (unsigned f = 0; f < LEXICAL_FIELDS && !st; f++) {
        r->at[f] = j->text.len;
        r->len[f] = doc->field[f].len;
        st = bytes_append(&j->text, doc->field[f].len ? doc->field[f].text : "",
                          doc->field[f].len);
    }
    r->lang = j->text.len;
    if (!st)
        st = bytes_append(&j->text, lang, strlen(lang) + 1);
    if (st)
        return no_memory(err);
    j->n_rows++;
    if (j->n_rows < BLOCK_ROWS && j->text.len < BLOCK_BYTES)
        return CAIRN_OK;
    w->open = NULL;
    return writer_submit(w, j, err);
}

/* Without threads: no copy, and a failure of the text's own is told at once. */
static cairn_status add_at_once(lexical_writer *w, const lexical_doc *doc, uint32_t row,
                                cairn_error *err)
{
    worker *k = &w->workers[0];
    row_length length;
    uint8_t *to = (uint8_t *)w->rows.data + (size_t)row * (LEXICAL_FIELDS + 1);
    cairn_status st = inverter_add(k->inverter, doc, row, &length, err);

    if (st) {
        w->broken = inverter_broken(k->inverter);
        return st;
    }
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
        to[f] = length_code(length.words[f]);
        w->meta.total[f] += length.words[f];
    }
    st = hold_share(k, err);
    w->broken = st != CAIRN_OK;
    return st;
}

cairn_status lexical_writer_add(lexical_writer *w, const lexical_doc *doc, uint32_t *row_out,
                                cairn_error *err)
{
    uint32_t row = w->meta.n_rows;
    uint8_t lang;
    cairn_status st;

    if (w->broken)
        return cairn_fail(err, CAIRN_EUSAGE, "this lexical writer failed before");
    if (row >= ROWS_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "a segment holds at most %u rows", ROWS_MAX);
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        if (doc->field[f].len >> 31)
            return cairn_fail(err, CAIRN_ELIMIT, "a text of 2 GiB or more cannot be indexed");
    st = bytes_append_zeros(&w->rows, LEXICAL_FIELDS + 1);
    if (st) {
        w->broken = true;
        return no_memory(err);
    }
    st = w->threaded ? add_to_block(w, doc, row, err) : add_at_once(w, doc, row, err);
    if (st) {
        w->broken |= w->threaded;
        w->rows.len -= LEXICAL_FIELDS + 1;
        return st;
    }
    lang = language_index(w, doc->lang);
    w->rows.data[(size_t)row * (LEXICAL_FIELDS + 1) + LEXICAL_FIELDS] = (char)lang;
    w->meta.langs[lang].rows++;
    w->meta.n_rows++;
    if (row_out)
        *row_out = row;
    return CAIRN_OK;
}

/* ---- finish ---- */

/* Make room for the output where the inverters have filled the memory. */
static cairn_status settle(lexical_writer *w, cairn_error *err)
{
    size_t used = 0;
    bool spilled = false;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < w->n_workers; i++) {
        used += inverter_memory(w->workers[i].inverter);
        spilled |= inverter_spilled(w->workers[i].inverter);
        w->meta.n_postings += inverter_postings(w->workers[i].inverter);
    }
    for (size_t i = 0; i < w->n_workers && !st && (spilled || used > w->budget / 2); i++)
        st = inverter_spill(w->workers[i].inverter, true, err);
    return st;
}

static cairn_status turn_rows(lexical_writer *w, cairn_error *err)
{
    size_t n = w->meta.n_rows;

    w->columns = checked_malloc(n + 1, LEXICAL_FIELDS + 1);
    if (!w->columns)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        for (size_t f = 0; f <= LEXICAL_FIELDS; f++)
            w->columns[f * n + i] = (uint8_t)w->rows.data[i * (LEXICAL_FIELDS + 1) + f];
    bytes_clear(&w->rows);
    return CAIRN_OK;
}

cairn_status lexical_writer_finish(lexical_writer *w, const section_sink *sink, cairn_error *err)
{
    index_output out;
    cairn_status st = CAIRN_OK;

    if (w->broken)
        return cairn_fail(err, CAIRN_EUSAGE, "this lexical writer failed or finished before");
    if (w->open) {
        job *j = w->open;
        w->open = NULL;
        st = writer_submit(w, j, err);
    }
    if (!st)
        st = collect_all(w, err);
    w->broken = true;
    if (st)
        return st;
    index_output_init(&out);
    index_output_limit(&out, w->budget / 2, w->dir);
    w->out = &out;
    st = settle(w, err);
    if (!st)
        st = turn_rows(w, err);
    w->meta.typical = index_output_typical(&w->meta);
    for (size_t i = 0; i < w->n_workers && !st; i++)
        st = inverter_forms(w->workers[i].inverter, &out.written, err);
    if (!st)
        st = forms_writer_init(&out.forms, &out.written, NULL, err);
    for (size_t i = 0; i < w->n_workers && !st; i++)
        st = list_encoder_lengths(&w->workers[i].lists, w->columns, w->meta.n_rows, w->meta.weight,
                                  w->meta.b, w->meta.typical, err);
    if (!st)
        st = writer_merge_runs(w, err);
    /* Also after a failure: jobs that are still at work hold what is freed below. */
    cairn_status rest = collect_all(w, st ? NULL : err);
    st = st ? st : rest;
    if (!st)
        st = index_output_emit(&out, &w->meta, w->columns, sink, err);
    free(w->columns);
    w->columns = NULL;
    index_output_clear(&out);
    w->out = NULL;
    return st;
}
