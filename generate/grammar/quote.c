/* quote.c - see quote.h. States: 0 outside; 1 to 3 outside, inside a character that may become a
 * typographic quotation mark (E2; E2 80; C2); 4 + s inside, at state s of the suffix automaton of the
 * text, which knows every run of it. */
#include "generate/grammar/quote.h"

#include "generate/decode/copy_draft.h"

enum { OUTSIDE, AFTER_E2, AFTER_E2_80, AFTER_C2, INSIDE };

static uint32_t step(void *ctx, uint32_t state, uint8_t byte)
{
    uint32_t next;

    if (state >= INSIDE) {
        if (byte == '"')
            return OUTSIDE;
        next = copy_draft_next(ctx, state - INSIDE, byte);
        return next == COPY_DRAFT_NOWHERE ? AUTOMATON_DEAD : INSIDE + next;
    }
    if (byte == '"')
        return INSIDE;
    if (state == AFTER_E2 && byte == 0x80)
        return AFTER_E2_80;
    if (state == AFTER_E2_80 && byte >= 0x9c && byte <= 0x9f) /* the double ones: U+201C to 201F */
        return AUTOMATON_DEAD;
    if (state == AFTER_C2 && (byte == 0xab || byte == 0xbb)) /* guillemets */
        return AUTOMATON_DEAD;
    return byte == 0xe2 ? AFTER_E2 : byte == 0xc2 ? AFTER_C2 : OUTSIDE;
}

static bool accepts(void *ctx, uint32_t state)
{
    (void)ctx;
    return state == OUTSIDE;
}

static void destroy(void *ctx)
{
    copy_draft_destroy(ctx);
}

cairn_status quote_compile(automaton *out, const char *text, size_t len, cairn_error *err)
{
    copy_draft *runs;
    cairn_status st;

    *out = (automaton){0};
    if (len > QUOTE_MAX_TEXT)
        return cairn_fail(err, CAIRN_ELIMIT, "%zu bytes to quote from; at most %zu are taken", len,
                          QUOTE_MAX_TEXT);
    st = copy_draft_create(&runs, err);
    if (st)
        return st;
    for (size_t i = 0; i < len; i++)
        if (copy_draft_append(runs, (uint8_t)text[i])) {
            copy_draft_destroy(runs);
            return cairn_fail(err, CAIRN_ENOMEM, "text to quote from");
        }
    *out = (automaton){runs, step, accepts, destroy};
    return CAIRN_OK;
}
