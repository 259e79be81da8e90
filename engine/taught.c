/* taught.c - see taught.h. The assembler copies the files in as they are. */
#include "engine/taught.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/model.h"

#define CHANCE_LEAST 1e-6f
#define READING_MOST 14.0f

#define INCLUDED(name, file)                                                                                             \
    __asm__(".pushsection .rodata\n"                                                                                     \
            ".balign 64\n" #name ":\n"                                                                                   \
            ".incbin \"" CAIRN_ADAPTERS "/" file "\"\n" #name "_end:\n"                                                  \
            ".byte 0\n"                                                                                                  \
            ".popsection\n");                                                                                            \
    extern const uint8_t name[] __attribute__((visibility("hidden")));                                                   \
    extern const uint8_t name##_end[] __attribute__((visibility("hidden")))

INCLUDED(cairn_adapter_coder_05b, "answer.v2.qwen2.5-coder-0.5b.gguf");

bool taught_for(const char *path, taught_adapter *out)
{
    const struct {
        taught_adapter adapter;
        const uint8_t *end;
    } known[] = {{{.model = "Qwen2.5 Coder 0.5B Instruct AWQ",
                   .prompt = "answer.v2",
                   .file_bytes = 491400064,
                   .data = cairn_adapter_coder_05b,
                   .evidence = 1.0f,
                   .reading = 0.4f,
                   .offset = 1.0f},
                  cairn_adapter_coder_05b_end}};
    struct stat st;

    if (stat(path, &st))
        return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].adapter.file_bytes != (uint64_t)st.st_size)
            continue;
        *out = known[i].adapter;
        out->len = (size_t)(known[i].end - out->data);
        return true;
    }
    return false;
}

/* Of 180 questions of XQuAD zh (60 answered by their passages) two of those and .808 of the others are refused with the weight of other
 * languages, two and .867 with this one; docs/quality.md. */
taught_adapter taught_over(const taught_adapter *a, const char *lang)
{
    taught_adapter over = *a;

    if (!strcmp(lang, "zh")) {
        over.reading = 0.2f;
        over.offset = 0.3f;
    }
    return over;
}

float taught_chance(const taught_adapter *a, float answerable, const float *logits, size_t n, size_t refusal)
{
    float p = fminf(fmaxf(answerable, CHANCE_LEAST), 1 - CHANCE_LEAST), most = -INFINITY;
    double others = 0;

    for (size_t i = 0; i < n; i++)
        if (i != refusal)
            most = fmaxf(most, logits[i]);
    for (size_t i = 0; i < n; i++)
        if (i != refusal)
            others += exp((double)(logits[i] - most));
    float read = most + (float)log(others) - logits[refusal];
    read = fminf(fmaxf(read, -READING_MOST), READING_MOST);
    return 1 / (1 + expf(-(a->evidence * logf(p / (1 - p)) + a->reading * read + a->offset)));
}

bool taught_wanted(const settings *s, const char *generator, taught_adapter *out)
{
    char path[8192];

    return s->ask_taught >= 0.5 && !*s->adapters && !cairn_model_path(generator, path, sizeof path, NULL) &&
           taught_for(path, out) && !strcmp(s->prompt, out->prompt);
}
