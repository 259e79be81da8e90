/* test_damage.c - damaged files are named, never followed off a cliff.
 *
 * Each damage is looked at by a child process, so that a crash of the reader is a failed test and
 * not the end of it. The child answers: 0 everything read as it was, 1 CAIRN_ECORRUPT with a
 * sentence that names a file of the store, 2 something else. */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

enum { WHOLE = 0, NAMED = 1, OTHER = 2, WRONG = 3 };

static uint8_t *slurp(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    *len = (size_t)ftell(in);
    rewind(in);
    uint8_t *b = malloc(*len + 1);
    assert_non_null(b);
    assert_int_equal(fread(b, 1, *len, in), *len);
    fclose(in);
    return b;
}

static void spill(const char *path, const uint8_t *b, size_t len)
{
    unlink(path); /* a new inode: nobody's mapping is cut short */
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(b, 1, len, out), len);
    fclose(out);
}

/* Documents and both kinds of segments; overflow pages, free pages, several leaf pages. */
static void fill(fixture *f)
{
    for (int i = 0; i < 30; i++) {
        char uri[32];
        store_txn *t = begin(f);
        snprintf(uri, sizeof uri, "/doc/%02d", i);
        put_prose(f, t, uri, 6, (unsigned)i + 1);
        if (i % 5 == 0) {
            char noise[40];
            snprintf(noise, sizeof noise, "/noise/%02d", i);
            put_noise(f, t, noise, 20000, (unsigned)i + 1);
        }
        OK(store_txn_commit(t, &f->err));
    }
    store_snapshot *s = snapshot(f);
    static chunk_id rows[400];
    static doc_id docs[400];
    size_t n;
    OK(store_chunk_next(s, 0, rows, 400, &n, &f->err));
    for (size_t i = 0; i < n; i++) {
        store_chunk c;
        OK(store_chunk_get(s, rows[i], &c, NULL, &f->err));
        docs[i] = c.doc;
    }
    store_snapshot_close(s);
    segment_writer *a = make_segment(f, SEGMENT_LEXICAL, rows, docs, (uint32_t)n, "some postings");
    segment_writer *b = make_segment(f, SEGMENT_VECTOR, rows, docs, (uint32_t)n, "some vectors");
    store_txn *t = begin(f);
    OK(store_segment_add(t, a, NULL, &f->err));
    OK(store_segment_add(t, b, NULL, &f->err));
    OK(store_doc_delete(t, 3, &f->err));
    OK(store_txn_commit(t, &f->err));
}

/* Read all there is through the public calls, as a search would. */
static cairn_status read_all(store *s, uint64_t *sum, cairn_error *err)
{
    store_snapshot *snap;
    store_doc_iter *it = NULL;
    store_doc d;
    arena a;
    cairn_status st = store_snapshot_open(s, &snap, err);

    *sum = 0;
    if (st)
        return st;
    arena_init(&a, (size_t)64 << 20);
    for (size_t i = 0; i < store_segment_count(snap) && !st; i++) {
        const uint8_t *p;
        size_t n;
        const store_segment *seg = store_segment_at(snap, i);
        st = segment_find(seg->file, "data", &p, &n, err);
        for (size_t k = 0; !st && k < n; k++)
            *sum = *sum * 31 + p[k];
        for (uint32_t r = 0; !st && r < seg->n_rows; r++)
            *sum = *sum * 31 + segment_row_chunk(seg->file, r) + segment_row_doc(seg->file, r);
        *sum += seg->n_deleted;
    }
    if (!st)
        st = store_doc_iter_open(snap, "", &it, err);
    while (!st && !(st = store_doc_iter_next(it, &d, &a, err))) {
        chunk_id *ids;
        size_t n;
        *sum += d.id;
        st = store_doc_chunks(snap, d.id, &ids, &n, &a, err);
        for (size_t i = 0; !st && i < n; i++) {
            store_chunk c;
            st = store_chunk_get(snap, ids[i], &c, &a, err);
            for (size_t k = 0; !st && k < c.text_len; k++)
                *sum = *sum * 31 + (uint8_t)c.text[k];
            if (st == CAIRN_ENOTFOUND) /* named by its document, so it must be there */
                st = cairn_fail(err, CAIRN_ECORRUPT, "%s: a chunk is missing", store_dir(s));
        }
        arena_reset(&a);
    }
    if (st == CAIRN_ENOTFOUND)
        st = CAIRN_OK;
    store_doc_iter_close(it);
    arena_clear(&a);
    store_snapshot_close(snap);
    return st;
}

static int verdict(const fixture *f, cairn_status st, const cairn_error *err)
{
    if (!st)
        return WHOLE;
    if (st != CAIRN_ECORRUPT && st != CAIRN_EUNSUPPORTED) {
        fprintf(stderr, "status %d: %s\n", st, err->text);
        return OTHER;
    }
    if (!strstr(err->text, f->dir)) {
        fprintf(stderr, "names no file: %s\n", err->text);
        return OTHER;
    }
    return NAMED;
}

/* What a fresh process makes of the store: reading all of it, the check, and writing to it. */
typedef struct outcome {
    int read, check, write;
} outcome;

static outcome look(const fixture *f, uint64_t want)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();

    if (pid == 0) {
        cairn_error err = {0};
        store *s = NULL;
        store_txn *t = NULL;
        uint64_t sum;
        cairn_status st = store_open(&s, f->dir, &(store_options){.read_only = true}, &err);
        if (!st)
            st = read_all(s, &sum, &err);
        int read = verdict(f, st, &err);
        if (read == WHOLE && sum != want)
            read = WRONG;
        st = s ? store_check(s, true, NULL, NULL, &err) : st;
        int check = verdict(f, st, &err);
        store_close(s);
        /* Write in several places; a dead store may refuse, never crash. */
        st = store_open(&s, f->dir, NULL, &err);
        for (doc_id d = 1; !st && d < 40; d += 4) {
            st = store_txn_begin(s, &t, &err);
            if (!st)
                st = store_doc_delete(t, d, &err);
            if (st == CAIRN_ENOTFOUND)
                st = CAIRN_OK;
            store_doc put = {.uri = "/zzz/new"};
            doc_id id;
            if (!st && store_txn_doc_find(t, put.uri, &id, &err) == CAIRN_OK)
                st = store_doc_delete(t, id, &err);
            if (!st)
                st = store_doc_put(t, &put, &id, &err);
            if (!st)
                st = store_txn_commit(t, &err);
            else
                store_txn_abort(t);
        }
        int wrote = verdict(f, st, &err);
        if (!st)
            store_compact(s, &err);
        store_close(s);
        _exit(read | check << 2 | wrote << 4);
    }
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status))
        fail_msg("the reader crashed: status %x", status);
    int code = WEXITSTATUS(status);
    if (code > 63)
        fail_msg("the reader stopped with code %d", code);
    return (outcome){code & 3, code >> 2 & 3, code >> 4 & 3};
}

/* Put the store's folder back as it was. */
typedef struct copy {
    char path[8][600];
    uint8_t *bytes[8];
    size_t len[8];
    size_t n;
} copy;

static void keep(copy *c, const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));) {
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || (strcmp(dot, ".mdb") && strcmp(dot, ".seg")))
            continue;
        snprintf(c->path[c->n], sizeof c->path[0], "%s/%s", dir, e->d_name);
        c->bytes[c->n] = slurp(c->path[c->n], &c->len[c->n]);
        c->n++;
    }
    closedir(d);
}

static void wipe(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_type == DT_REG)
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

static void restore(const fixture *f, const copy *c)
{
    char seg[600];
    snprintf(seg, sizeof seg, "%s/segments", f->dir);
    wipe(f->dir);
    wipe(seg);
    for (size_t i = 0; i < c->n; i++)
        spill(c->path[i], c->bytes[i], c->len[i]);
}

static uint64_t prepare(fixture *f, copy *c)
{
    uint64_t sum;
    char seg[600];

    fill(f);
    OK(read_all(f->store, &sum, &f->err));
    store_close(f->store);
    f->store = NULL;
    memset(c, 0, sizeof *c);
    keep(c, f->dir);
    snprintf(seg, sizeof seg, "%s/segments", f->dir);
    keep(c, seg);
    assert_int_equal(c->n, 3);
    restore(f, c);
    outcome o = look(f, sum);
    assert_true(o.read == WHOLE && o.check == WHOLE && o.write == WHOLE);
    return sum;
}

static void drop(copy *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->bytes[i]);
}

static void every_region_of_a_segment_is_guarded(void **state)
{
    fixture *f = *state;
    static copy c;
    uint64_t sum = prepare(f, &c);

    for (size_t i = 0; i < c.n; i++) {
        if (!strstr(c.path[i], ".seg"))
            continue;
        for (size_t at = 0; at < c.len[i]; at += at < 64 || at + 64 > c.len[i] ? 6 : 61) {
            restore(f, &c);
            uint8_t was = c.bytes[i][at];
            c.bytes[i][at] ^= 0x40;
            spill(c.path[i], c.bytes[i], c.len[i]);
            c.bytes[i][at] = was;
            outcome o = look(f, sum);
            if (o.read == WRONG || o.read == OTHER)
                fail_msg("%s: byte %zu: read %d", c.path[i], at, o.read);
            if (o.check != NAMED)
                fail_msg("%s: byte %zu: the check found nothing", c.path[i], at);
        }
        static const size_t cuts[] = {0, 1, 63, 64, 127, 128, 500};
        for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
            restore(f, &c);
            spill(c.path[i], c.bytes[i], cuts[k]);
            outcome o = look(f, sum);
            assert_true(o.read == NAMED && o.check == NAMED);
        }
        restore(f, &c);
        unlink(c.path[i]);
        outcome o = look(f, sum);
        assert_true(o.read == NAMED && o.check == NAMED);
    }
    drop(&c);
}

static void a_damaged_lmdb_file_is_named(void **state)
{
    fixture *f = *state;
    static copy c;
    unsigned x = seed_of_the_day(), counts[4] = {0}, unnoticed = 0;
    uint64_t sum = prepare(f, &c);
    size_t i = 0, flips = 160;

    while (!strstr(c.path[i], ".mdb"))
        i++;
    for (size_t k = 0; k < flips; k++) {
        x = x * 1664525u + 1013904223u;
        size_t at = (x >> 4) % c.len[i];
        if (k < 80) /* the heads of pages, where the structure is */
            at = at / 4096 * 4096 + k % 40;
        uint8_t was = c.bytes[i][at], bit = (uint8_t)(1u << (x >> 28 & 7));
        restore(f, &c);
        c.bytes[i][at] ^= bit;
        spill(c.path[i], c.bytes[i], c.len[i]);
        c.bytes[i][at] = was;
        outcome o = look(f, sum);
        counts[o.read]++;
        /* A flip in a free page or in unused bytes harms nothing. What is read wrongly must at
         * least be found by the check. */
        if (o.read == OTHER || (o.read == WRONG && o.check != NAMED))
            fail_msg("byte %zu ^ %d: read %d, check %d", at, bit, o.read, o.check);
        unnoticed += o.read == WRONG;
    }
    print_message("%zu flips: %u harmless, %u named, %u only by the check\n", flips, counts[WHOLE],
                  counts[NAMED], unnoticed);
    /* Whole pages of garbage, zeros, and another page's bytes. */
    for (size_t page = 0; page < c.len[i] / 4096; page++) {
        for (int kind = (int)(page + x) % 3, once = 1; once; once = 0) {
            uint8_t saved[4096], *p = c.bytes[i] + page * 4096;
            memcpy(saved, p, sizeof saved);
            for (size_t k = 0; k < sizeof saved; k++)
                p[k] = kind == 0 ? 0 : (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
            if (kind == 2)
                memcpy(p, c.bytes[i] + (page + 1) * 4096 % c.len[i], sizeof saved);
            restore(f, &c);
            memcpy(p, saved, sizeof saved);
            outcome o = look(f, sum);
            if (o.read == OTHER || (o.read == WRONG && o.check != NAMED))
                fail_msg("page %zu kind %d: read %d, check %d", page, kind, o.read, o.check);
        }
    }
    for (size_t len = 0; len < c.len[i]; len += len < 9000 ? 1500 : 20480) {
        restore(f, &c);
        spill(c.path[i], c.bytes[i], len);
        outcome o = look(f, sum);
        /* Towards the end a cut may take nothing but free pages away. */
        if ((o.read != NAMED || o.check != NAMED) && (len < c.len[i] / 2 || o.read != WHOLE))
            fail_msg("cut at %zu: read %d, check %d", len, o.read, o.check);
    }
    restore(f, &c);
    uint8_t garbage[5000];
    memset(garbage, 'x', sizeof garbage);
    spill(c.path[i], garbage, sizeof garbage);
    outcome o = look(f, sum);
    assert_true(o.read == NAMED && o.check == NAMED && o.write == NAMED);
    drop(&c);
}

static void large_sections_are_checked_when_asked(void **state)
{
    fixture *f = *state;
    store_options o = {.verify_bytes = 4};
    const uint8_t *p;
    size_t n;

    reopen(f, &o);
    fill(f);
    store_snapshot *s = snapshot(f);
    const segment_file *file = store_segment_at(s, 0)->file;
    int fd = open(segment_file_path(file), O_RDWR);
    size_t len;
    uint8_t *b = slurp(segment_file_path(file), &len);
    uint8_t *hit = memmem(b, len, "some postings", 13);
    assert_non_null(hit);
    assert_int_equal(pwrite(fd, "X", 1, hit - b), 1);
    OK(segment_find(file, "data", &p, &n, &f->err)); /* too long to be checked in passing */
    assert_null(segment_damage(file));
    assert_int_equal(segment_verify(file, &f->err), CAIRN_ECORRUPT);
    assert_non_null(strstr(f->err.text, "section data"));
    assert_string_equal(segment_damage(file), "data");
    assert_int_equal(segment_find(file, "data", &p, &n, &f->err), CAIRN_ECORRUPT);
    section_source src = segment_source(file);
    assert_false(src.find(src.ctx, "data", &p, &n));
    store_snapshot_close(s);
    assert_int_equal(store_check(f->store, false, NULL, NULL, &f->err), CAIRN_OK);
    assert_int_equal(store_check(f->store, true, NULL, NULL, &f->err), CAIRN_ECORRUPT);
    close(fd);
    free(b);
}

/* A damaged segment can be listed, dropped and replaced. */
static void damage_can_be_isolated_and_repaired(void **state)
{
    fixture *f = *state;
    store_options o = {.tolerate_damage = true};
    char path[1200];

    fill(f);
    store_snapshot *s = snapshot(f);
    snprintf(path, sizeof path, "%s", segment_file_path(store_segment_at(s, 0)->file));
    segment_id id = store_segment_at(s, 0)->id;
    store_snapshot_close(s);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(truncate(path, 100), 0);
    OK(store_open(&f->store, f->dir, NULL, &f->err));
    assert_int_equal(store_snapshot_open(f->store, &s, &f->err), CAIRN_ECORRUPT);
    assert_non_null(strstr(f->err.text, path));
    reopen(f, &o);
    s = snapshot(f);
    assert_null(store_segment_at(s, 0)->file);
    assert_non_null(store_segment_at(s, 1)->file);
    store_snapshot_close(s);
    store_txn *t = begin(f);
    OK(store_doc_delete(t, 1, &f->err));
    OK(store_segment_remove(t, id, &f->err));
    OK(store_txn_commit(t, &f->err));
    check_clean(f);
    reopen(f, NULL);
    s = snapshot(f);
    assert_int_equal(store_segment_count(s), 1);
    store_snapshot_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(every_region_of_a_segment_is_guarded),
        FIXTURE_TEST(a_damaged_lmdb_file_is_named),
        FIXTURE_TEST(large_sections_are_checked_when_asked),
        FIXTURE_TEST(damage_can_be_isolated_and_repaired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
