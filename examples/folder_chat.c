/* folder_chat.c - the whole of Cairn through its public header: index a folder, then answer the
 * questions typed, with sources.
 *
 *     cc folder_chat.c $(pkg-config --cflags --libs cairn) -o folder_chat
 *     ./folder_chat ~/notes /tmp/notes.cairn
 */
#include <cairn.h>
#include <stdio.h>
#include <string.h>

static bool print_piece(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    fwrite(text, 1, len, stdout);
    fflush(stdout);
    return true; /* false would stop the answer */
}

static void answer_one(cairn *c, const char *question)
{
    cairn_ask_request request = {.question = question};
    cairn_answer *a;
    cairn_error err;

    if (cairn_ask(c, &request, print_piece, NULL, &a, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return;
    }
    putchar('\n');
    for (size_t i = 0; i < a->n_citations; i++) {
        printf("  [%zu] %s", a->citations[i].n, a->citations[i].uri);
        if (a->citations[i].page)
            printf(", page %u", a->citations[i].page);
        putchar('\n');
    }
    cairn_answer_free(a);
}

int main(int argc, char **argv)
{
    cairn_options options = {0};
    cairn_index_report report;
    cairn_error err;
    cairn *c;
    char question[4096];

    if (argc != 3) {
        fprintf(stderr, "usage: %s FOLDER HOME\n", argv[0]);
        return 2;
    }
    options.home = argv[2];
    if (cairn_open(&c, &options, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const char *folder = argv[1];
    if (cairn_index(c, &folder, 1, NULL, &report, &err)) {
        fprintf(stderr, "%s\n", err.text);
        cairn_index_report_clear(&report);
        cairn_close(c);
        return 1;
    }
    printf("%zu files, %zu passages\n", report.seen, report.chunks);
    cairn_index_report_clear(&report);
    while (printf("> "), fflush(stdout), fgets(question, sizeof question, stdin)) {
        question[strcspn(question, "\n")] = '\0';
        if (*question)
            answer_one(c, question);
    }
    putchar('\n');
    cairn_close(c);
    return 0;
}
