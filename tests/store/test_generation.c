/* test_generation.c - a reader that opens a generation while another process replaces it by a newer one.
 * mdb_env_open is wrapped: the replacement happens between the reader's look at the folder and LMDB's
 * opening of the file by its name, which makes a file of that name where there is none any more. */
#include "store_fixture.h"

#include <lmdb.h>
#include <sys/wait.h>

static int ask = -1, answer = -1; /* pipes to the process that compacts; -1: leave it alone */

int __real_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);
int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);

int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
    char byte = 'c';

    if (ask >= 0) {
        assert_int_equal(write(ask, &byte, 1), 1);
        assert_int_equal(read(answer, &byte, 1), 1);
        ask = -1;
    }
    return __real_mdb_env_open(env, path, flags, mode);
}

/* Write one document, say so; at a byte from `in` replace the generation, say so. */
static int compacting_process(const char *dir, int in, int out)
{
    store_options o = {.create = true};
    store_doc d = {.uri = "/a/b.txt", .title = "A title"};
    cairn_error err;
    store_txn *t;
    store *s;
    char byte = 'x';

    if (store_open(&s, dir, &o, &err) || store_txn_begin(s, &t, &err) || store_doc_put(t, &d, NULL, &err) ||
        store_txn_commit(t, &err) || write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1 ||
        store_compact(s, &err) || write(out, &byte, 1) != 1)
        return 1;
    store_close(s);
    return 0;
}

static void replaced_while_a_reader_opens(void **state)
{
    fixture *f = *state;
    store_options ro = {.read_only = true};
    int to[2], from[2], status;
    store_doc got;
    char byte;

    store_close(f->store);
    f->store = NULL;
    assert_false(pipe(to) || pipe(from));
    pid_t child = fork();
    if (!child)
        _exit(compacting_process(f->dir, to[0], from[1]));
    close(to[0]);
    close(from[1]);
    assert_int_equal(read(from[0], &byte, 1), 1);
    ask = to[1];
    answer = from[0];
    OK(store_open(&f->store, f->dir, &ro, &f->err));
    assert_int_equal(ask, -1);
    store_snapshot *s = snapshot(f);
    OK(store_doc_find(s, "/a/b.txt", &got, &f->arena, &f->err));
    assert_string_equal(got.title, "A title");
    store_snapshot_close(s);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(to[1]);
    close(from[0]);
    reopen(f, NULL); /* a writer clears away what the reader's opening left */
    OK(store_check(f->store, true, NULL, NULL, &f->err));
    char old[600];
    snprintf(old, sizeof old, "%s/store-0000000000000001.mdb", f->dir);
    assert_int_equal(access(old, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {FIXTURE_TEST(replaced_while_a_reader_opens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
