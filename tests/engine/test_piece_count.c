/* test_piece_count.c - counting word by word gives what the tokenizer gives for the whole text. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model.h"
#include "engine/piece_count.h"

#define TEXT_BYTES 200000

static const char *const models[] = {"multilingual-e5-small", "all-minilm-l6-v2"};

static const char *const texts[] = {
    "",
    "a",
    "The tenant may end the lease with three months' notice.\n\n  - the rent: 840 EUR\r\n\tpaid late",
    "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrentenauszahlungsstelle und noch ein Wort",
    "\xE4\xB8\x96\xE7\x95\x8C\xE4\xBD\xA0\xE5\xA5\xBD \xE3\x80\x82 \xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82",
    "\xD9\x85\xD8\xB1\xD8\xAD\xD8\xA8\xD8\xA7 no\xC2\xA0""break \xE2\x80\x94 \xEF\xAC\x81nd",
    "x = f(a[i], b->c) // ------------------------------------------------------------ 0x7fffffff",
};

static void same(piece_counter *p, const encoder *e, const char *text, size_t len, const char *what)
{
    size_t want = encoder_count_tokens(e, text, len);

    for (int round = 0; round < 2; round++) { /* the second time from the table */
        size_t got = piece_count(p, text, len);
        if (got != want)
            fail_msg("%s: %zu pieces, but the tokenizer has %zu", what, got, want);
    }
}

/* Every text file of one folder of the library. */
static void same_in_folder(piece_counter *p, const encoder *e, const char *folder)
{
    char path[4096], *text = malloc(TEXT_BYTES);
    DIR *d = opendir(folder);
    struct dirent *entry;

    assert_non_null(text);
    assert_non_null(d);
    while ((entry = readdir(d))) {
        FILE *f;
        size_t len;
        if (entry->d_name[0] == '.' || strstr(entry->d_name, ".pdf"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (!(f = fopen(path, "re")))
            continue;
        len = fread(text, 1, TEXT_BYTES, f);
        fclose(f);
        while (len && strchr(" \n", text[len - 1]))
            len--;
        same(p, e, text, len, path);
    }
    closedir(d);
    free(text);
}

static void counts_agree(void **state)
{
    size_t n_models = 0;

    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        piece_counter *p;
        encoder *e;
        cairn_error err;
        char path[4096];
        if (cairn_model_path(models[m], path, sizeof path, &err))
            continue;
        n_models++;
        assert_int_equal(encoder_open(&e, path, NULL, &err), CAIRN_OK);
        assert_int_equal(piece_counter_create(&p, e, &err), CAIRN_OK);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            same(p, e, texts[i], strlen(texts[i]), texts[i]);
        same_in_folder(p, e, CAIRN_SOURCE_DIR "/engine");
        same_in_folder(p, e, CAIRN_SOURCE_DIR "/fixtures/library/notes");
        piece_counter_destroy(p);
        encoder_close(e);
    }
    if (!n_models) {
        print_message("skipped: neither %s nor %s is on this machine\n", models[0], models[1]);
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_agree),
    };
    return cmocka_run_group_tests_name("engine piece count", tests, NULL, NULL);
}
