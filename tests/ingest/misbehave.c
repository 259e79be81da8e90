/* misbehave.c - what a parser taken over by a hostile file might do. Linked only into the test's
 * own worker, cairn-extract-misbehave. A file "misbehave: WORD" asks for one of these. */
#include "ingest/extract/misbehave.h"
#include "ingest/extract/ocr.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void eat_memory(emitter *e)
{
    for (;;) {
        char *p = malloc(16 << 20);
        if (!p) {
            emit_fail(e, CAIRN_ELIMIT, "malloc refused");
            return;
        }
        memset(p, 1, 16 << 20);
    }
}

static void put_result(emitter *e, const char *what, long rc)
{
    emit_fail(e, CAIRN_EINPUT, "%s: %s", what, rc < 0 ? strerror(errno) : "DONE");
}

bool misbehave(emitter *e, const parse_input *in)
{
    char word[32] = "";
    static const char tag[] = "misbehave: ";
    size_t n = sizeof tag - 1;

    if (in->len <= n || memcmp(in->data, tag, n) != 0)
        return false;
    for (size_t i = 0; i < sizeof word - 1 && n + i < in->len && in->data[n + i] > ' '; i++)
        word[i] = in->data[n + i];
    if (!strcmp(word, "loop"))
        for (volatile unsigned i = 0;; i++)
            ;
    while (!strcmp(word, "ocr") && ocr_is_on())
        ;
    if (!strcmp(word, "ocr"))
        emit_block(e, INGEST_PARAGRAPH, 0, "read without recognition", 24);
    if (!strcmp(word, "sleep"))
        for (;;)
            usleep(100000);
    if (!strcmp(word, "memory"))
        eat_memory(e);
    if (!strcmp(word, "fork"))
        put_result(e, "fork", fork());
    if (!strcmp(word, "exec"))
        put_result(e, "exec", execl("/bin/true", "true", (char *)NULL));
    if (!strcmp(word, "socket"))
        put_result(e, "socket", socket(AF_INET, SOCK_STREAM, 0));
    if (!strcmp(word, "kill"))
        put_result(e, "kill", kill(getppid(), SIGTERM));
    if (!strcmp(word, "write"))
        put_result(e, "write", open("/tmp/cairn-misbehaved", O_WRONLY | O_CREAT, 0600));
    if (!strcmp(word, "read"))
        put_result(e, "read", open("/etc/passwd", O_RDONLY));
    if (!strcmp(word, "code"))
        put_result(e, "code",
                   mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                           MAP_FAILED
                       ? -1
                       : 0);
    if (!strcmp(word, "limits")) {
        struct rlimit rl = {RLIM_INFINITY, RLIM_INFINITY};
        put_result(e, "limits", setrlimit(RLIMIT_AS, &rl));
    }
    if (!strcmp(word, "crash"))
        raise(SIGSEGV);
    if (!strcmp(word, "abort"))
        abort();
    if (!strcmp(word, "exit"))
        _exit(7);
    if (!strcmp(word, "member")) { /* one file inside is read, the next brings us down */
        emitter inner;
        if (emit_member_begin(e, &inner, "one.txt", "1", 1, 0)) {
            emit_block(&inner, INGEST_PARAGRAPH, 0, "the first was complete", 22);
            emit_finish(&inner);
            emit_member_end(e, &inner);
        }
        if (emit_member_begin(e, &inner, "two.txt", "2", 1, 0))
            raise(SIGSEGV);
    }
    if (!strcmp(word, "garbage")) {
        static const char junk[] = "this is no frame at all, is it?";
        if (write(3, junk, sizeof junk) < 0)
            _exit(8);
    }
    if (!strcmp(word, "flood")) /* frames without end, each of them fine */
        while (!emit_block(e, INGEST_PARAGRAPH, 0, "flood flood flood flood", 23))
            ;
    return true;
}
