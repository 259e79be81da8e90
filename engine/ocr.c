/* ocr.c - see ocr.h. */
#include "engine/ocr.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const folders[] = {"/usr/share/tesseract-ocr/5/tessdata",
                                      "/usr/share/tesseract-ocr/4.00/tessdata",
                                      "/usr/share/tessdata"};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "osd" and "equ" are no languages. */
static bool is_language(const char *name, size_t n)
{
    return n >= 3 && n < 24 && strcmp(name + n, ".traineddata") == 0 && strncmp(name, "osd", 3) &&
           strncmp(name, "equ", 3);
}

/* English first, then by name: the order is Tesseract's order of preference. */
static void list_installed(char out[OCR_LANGUAGES_BYTES])
{
    char names[64][24];
    size_t n = 0, used = 0;
    DIR *dir = NULL;
    struct dirent *e;

    for (size_t i = 0; i < sizeof folders / sizeof *folders && !dir; i++)
        dir = opendir(folders[i]);
    while (dir && n < 64 && (e = readdir(dir))) {
        size_t len = strcspn(e->d_name, ".");
        if (is_language(e->d_name, len))
            snprintf(names[n++], sizeof names[0], "%s%.*s", strncmp(e->d_name, "eng.", 4) ? "" : " ",
                     (int)len, e->d_name);
    }
    if (dir)
        closedir(dir);
    if (n)
        qsort(names, n, sizeof names[0], by_name);
    for (size_t i = 0; i < n && i < OCR_LANGUAGES_MOST; i++)
        used += (size_t)snprintf(out + used, OCR_LANGUAGES_BYTES - used, "%s%s", i ? "+" : "",
                                 names[i] + (names[i][0] == ' '));
}

const char *engine_ocr_languages(const settings *s, char out[OCR_LANGUAGES_BYTES])
{
    *out = 0;
    if (!strcmp(s->ocr, "off"))
        return out;
    if (strcmp(s->ocr_languages, "auto"))
        snprintf(out, OCR_LANGUAGES_BYTES, "%.200s", s->ocr_languages);
    else
        list_installed(out);
    return out;
}
