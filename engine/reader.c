/* reader.c - see reader.h. */
#include "engine/reader.h"

#include <math.h>
#include <string.h>

#include "engine/prompts.h"

#define CHANCE_LEAST 1e-6f

/* Is the prompt in use the compiled-in one of that name? */
static bool is_own_prompt(const asking *a, const char *name)
{
    arena memory;
    const char *system = NULL, *user = NULL;
    bool same;

    if (strcmp(a->c->settings.prompt, name) != 0)
        return false;
    arena_init(&memory, 1 << 20);
    for (const prompt_file *f = prompt_files; f->name; f++)
        if (!strcmp(f->name, name)) {
            system = prompt_section(f->text, "system", &memory);
            user = prompt_section(f->text, "user", &memory);
        }
    same = system && user && !strcmp(system, a->prompt.system) && !strcmp(user, a->prompt.user);
    arena_clear(&memory);
    return same;
}

const reader_weights *reader_of(const asking *a)
{
    const decoder_shape *s;

    if (!a->g || !decoder_model_shows_states(generator_model(a->g)) || a->remote || a->extractive ||
        a->request->n_history || a->n_facts || a->c->settings.ask_reading < 0.5)
        return NULL;
    s = decoder_model_shape(generator_model(a->g));
    for (size_t i = 0; i < reader_n_known; i++) {
        const reader_weights *w = &reader_known[i];
        if (w->n_layers == s->n_layers && w->width == s->width && !strcmp(w->model, generator_name(a->g)) &&
            is_own_prompt(a, w->prompt))
            return w;
    }
    return NULL;
}

float reader_chance(const reader_weights *w, float answerable, const float *state)
{
    float p = fminf(fmaxf(answerable, CHANCE_LEAST), 1 - CHANCE_LEAST), read = w->bias;

    for (size_t i = 0; i < w->width; i++)
        read += w->weight[i] * state[i];
    return 1 / (1 + expf(-(w->evidence * logf(p / (1 - p)) + w->reading * read + w->offset)));
}
