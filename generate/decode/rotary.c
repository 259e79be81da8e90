/* rotary.c - the angles by which a decoder turns the heads of queries and keys: one row of cosines and
 * sines for each position of a batch, for layers that see everything and for those that see a window. */
#include <math.h>

#include "generate/decode/decoder_inside.h"

typedef struct turn_arg {
    float base, scale, magnitude;
    const float *factors;
    const rope_yarn *yarn;
    float *out;
} turn_arg;

/* How much of pair i keeps its own angle; the rest is interpolated. */
static float yarn_share(const rope_yarn *y, size_t i)
{
    float at = ((float)i - y->low) / fmaxf(0.001f, y->high - y->low);
    return 1.0f - fminf(1.0f, fmaxf(0.0f, at));
}

/* Angles by repeated multiplication in float, as the models' reference engine computes them. */
static void make_turns(decoder *d, const void *arg, size_t t)
{
    const turn_arg *a = arg;
    size_t dims = d->m->shape.rope_dims;
    float step = powf(a->base, -2.0f / (float)dims), angle = (float)d->places[t].pos;
    float *out = a->out + t * dims;

    for (size_t i = 0; i < dims / 2; i++) {
        float own = a->factors ? angle / a->factors[i] : angle, theta = a->scale * own;
        if (a->yarn->on) {
            float share = yarn_share(a->yarn, i);
            theta = theta * (1.0f - share) + own * share;
        }
        out[2 * i] = cosf(theta) * a->magnitude;
        out[2 * i + 1] = sinf(theta) * a->magnitude;
        angle *= step;
    }
}

void decoder_turn_head(float *v, const float *turn, size_t dims, bool apart)
{
    size_t half = dims / 2, near = apart ? 1 : 2, far = apart ? half : 1;

    for (size_t i = 0; i < half; i++) {
        float *a = v + i * near, *b = a + far;
        float c = turn[2 * i], s = turn[2 * i + 1], x = *a, y = *b;
        *a = x * c - y * s;
        *b = x * s + y * c;
    }
}

float *decoder_turns(const decoder *d, bool local)
{
    return d->turn[local && d->m->shape.turns_apart];
}

void decoder_make_turns(decoder *d, size_t n)
{
    const decoder_shape *s = &d->m->shape;
    const rope_yarn none = {0};
    turn_arg global = {s->rope_base, s->rope_scale, s->rope_magnitude, d->rope_factors, &s->yarn,
                       d->turn[0]};
    turn_arg local = {s->rope_base_local, s->rope_scale_local, 1.0f, d->rope_factors, &none, d->turn[1]};

    decoder_each_token(d, n, make_turns, &global);
    if (decoder_turns(d, true) != d->turn[0])
        decoder_each_token(d, n, make_turns, &local);
}
