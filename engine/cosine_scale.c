/* cosine_scale.c - see cosine_scale.h. */
#include "engine/cosine_scale.h"

#include <stdlib.h>
#include <string.h>

#include "engine/shared_model.h"

#define LEARNED_FROM "multilingual-e5-small"

/* A question, a sentence that answers it, and one that speaks of the same thing and does not. */
static const char *const examples[][3] = {
    {"How long is the guarantee on the pump?",
     "The pump is guaranteed for two years from the day of delivery.",
     "The pump has to be emptied before the first frost."},
    {"Who founded the museum?", "The museum was founded in 1911 by the merchant Karl Lindner.",
     "The museum is closed on Mondays and on public holidays."},
    {"When does the ferry to the island leave?",
     "The ferry to the island leaves at half past seven every morning.",
     "The ferry can carry forty cars and three hundred passengers."},
    {"What causes the disease?", "The disease is caused by a bacterium that lives in warm water.",
     "The disease was first described by a Scottish doctor in 1868."},
    {"How much does an annual subscription cost?",
     "A subscription costs 48 euros a year, and students pay half.",
     "Subscriptions may be cancelled in writing at the end of a year."},
    {"Which river flows through the town?",
     "The town lies on both banks of the Arven, which is crossed by four bridges.",
     "The town has a market on Saturdays and a theatre of its own."},
    {"Why was the flight delayed?", "Because of thick fog the flight left three hours late.",
     "The flight takes two hours and is served by two airlines."},
    {"What is the capital of the province?",
     "The seat of the provincial government is Morvan, its largest city.",
     "The province is known for its wine and its horses."},
    {"How many people work at the factory?", "About 350 people are employed at the factory.",
     "The factory makes brakes for lorries and buses."},
    {"Where was the painter born?",
     "The painter was born in a village near Toledo and came to Paris at nineteen.",
     "The painter worked mostly at night and never sold a picture."},
    {"What temperature must the oven have?",
     "Heat the oven to 220 degrees before the bread goes in.",
     "The oven should be cleaned with a damp cloth."},
    {"Who may use the reading room?",
     "The reading room is open to everybody with a library card.",
     "The reading room was painted green last summer."},
};

#define N     (sizeof examples / sizeof *examples)
#define KINDS 3 /* answers, same thing, another thing */

/* The means over them of the embedder that the weights were learned from. */
static const double learned[KINDS] = {0.8682, 0.8129, 0.7514};

static double dot(const float *a, const float *b, size_t dim)
{
    double sum = 0;

    for (size_t i = 0; i < dim; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Mean cosines of the questions to what answers, to the same thing, and to other things. */
static void read_means(const float *questions, const float *sentences, size_t dim, double *mean)
{
    memset(mean, 0, KINDS * sizeof *mean);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            const float *q = questions + i * dim, *s = sentences + 2 * j * dim;
            if (i == j)
                mean[0] += dot(q, s, dim) / N;
            if (i == j)
                mean[1] += dot(q, s + dim, dim) / N;
            else
                mean[2] += dot(q, s + dim, dim) / (N * (N - 1));
        }
}

/* The straight line that comes nearest to the learned means; as it is where the embedder tells nothing apart. */
static cosine_scale line_through(const double *mean)
{
    cosine_scale line = {1, 0};
    double x = 0, y = 0, xx = 0, xy = 0, slope;

    for (size_t i = 0; i < KINDS; i++) {
        x += mean[i] / KINDS;
        y += learned[i] / KINDS;
    }
    for (size_t i = 0; i < KINDS; i++) {
        xx += (mean[i] - x) * (mean[i] - x);
        xy += (mean[i] - x) * (learned[i] - y);
    }
    slope = xx > 1e-6 ? xy / xx : 0;
    if (slope > 0)
        line = (cosine_scale){(float)slope, (float)(y - slope * x)};
    return line;
}

static cairn_status measure(shared_model *m, cosine_scale *out, cairn_error *err)
{
    encoder *e = shared_model_encoder(m);
    size_t dim = encoder_dim(e);
    encoder_text questions[N], sentences[2 * N];
    float *q = calloc(N * dim, sizeof *q), *s = calloc(2 * N * dim, sizeof *s);
    double mean[KINDS];
    cairn_status st = q && s ? shared_model_enter(m, NULL, 0, err)
                             : cairn_fail(err, CAIRN_ENOMEM, "cosines");

    for (size_t i = 0; i < N; i++) {
        questions[i] = (encoder_text){examples[i][0], strlen(examples[i][0])};
        sentences[2 * i] = (encoder_text){examples[i][1], strlen(examples[i][1])};
        sentences[2 * i + 1] = (encoder_text){examples[i][2], strlen(examples[i][2])};
    }
    if (!st) {
        st = encoder_embed(e, questions, N, ENCODER_QUERY, q, err);
        if (!st)
            st = encoder_embed(e, sentences, 2 * N, ENCODER_PASSAGE, s, err);
        shared_model_leave(m);
    }
    if (!st) {
        read_means(q, s, dim, mean);
        *out = line_through(mean);
    }
    free(q);
    free(s);
    return st;
}

cairn_status engine_cosine_scale(cairn *c, cosine_scale *out, cairn_error *err)
{
    encoder *e;
    cairn_status st;

    *out = (cosine_scale){1, 0};
    if (!strcmp(c->settings.embedder, LEARNED_FROM))
        return CAIRN_OK;
    st = engine_encoder(c, &e, err);
    if (!st && c->scale_of != c->encoder) {
        st = measure(c->encoder, &c->scale, err);
        if (!st)
            c->scale_of = c->encoder;
    }
    if (!st)
        *out = c->scale;
    return st;
}
