/* helper_misbehave.c - a helper program that reads a document and does what a word in it says. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char document[1 << 20];

int main(void)
{
    size_t n = fread(document, 1, sizeof document - 1, stdin);
    const char *word = memmem(document, n, "HELPER:", 7);

    word = word ? word + 7 : "";
    if (!strncmp(word, "loop", 4))
        for (;;)
            ;
    if (!strncmp(word, "sleep", 5))
        sleep(3600);
    if (!strncmp(word, "flood", 5))
        for (;;)
            puts("a line of text that has no end");
    if (!strncmp(word, "allocate", 8)) {
        char *p = malloc((size_t)3 << 30);
        puts(p ? "got the memory" : "got no memory");
        return 0;
    }
    if (!strncmp(word, "fork", 4))
        return fork() < 0;
    if (!strncmp(word, "socket", 6))
        return socket(AF_INET, SOCK_STREAM, 0) < 0;
    if (!strncmp(word, "run", 3))
        return execl("/bin/sh", "sh", "-c", "echo ran", (char *)NULL);
    if (!strncmp(word, "write", 5)) {
        puts(open("/tmp/cairn-helper-was-here", O_CREAT | O_WRONLY, 0600) < 0 ? "cannot write"
                                                                            : "wrote a file");
        return 0;
    }
    if (!strncmp(word, "read", 4)) {
        puts(open("/etc/passwd", O_RDONLY) < 0 ? "cannot read" : "read a file");
        return 0;
    }
    if (!strncmp(word, "crash", 5))
        raise(SIGSEGV);
    puts("a good answer");
    return 0;
}
