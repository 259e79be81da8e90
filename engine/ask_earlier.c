/* ask_earlier.c - "What was the fee before?": what a sentence tells as what was answers, and not what holds now beside it.
 *
 * The values of the best sentences are looked through for one that is struck out or told as no longer so (standing.h); its sentence, or
 * the one right behind a good one ("Until now it was 164 euros."), leads the evidence then, and what a model says is confirmed
 * only where it gives that value. Where none is told so, one that a sentence of the present has is no answer, unless documents of several
 * dates tell. */
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "engine/ask.h"
#include "retrieve/standing.h"
#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define CANDIDATES 12
#define SPREAD     4.5f /* log-odds below the best one */
#define BEHIND     8.0f /* ... of the sentence right behind a good one */
#define WORD_BYTES     32
#define STEM_BYTES     5
#define QUESTION_BYTES 512
#define AS_MUCH    0.7f /* of the most that is said of the question around a sentence */

static bool is_untyped(answer_type t)
{
    return t == ANSWER_OTHER || t == ANSWER_WHERE;
}

/* Numbers without a unit behind the others: "9 euros a month instead of 14". */
static cairn_status add_bare(asking *a, const evidence_sentence *s, text_span **all, size_t *n, cairn_error *err)
{
    const cairn_hit *h = &a->hits->hits[s->passage];
    quantity *q;
    size_t n_q;
    text_span *more;
    cairn_status st = quantities_find(h->text + s->start, s->end - s->start, &a->memory, &q, &n_q, err);

    if (st)
        return st;
    if (!(more = arena_calloc(&a->memory, *n + n_q + 1, sizeof *more)))
        return cairn_fail(err, CAIRN_ENOMEM, "statements");
    memcpy(more, *all, *n * sizeof *more);
    for (size_t i = 0; i < n_q; i++)
        if (q[i].kind == QUANTITY_NUMBER && q[i].class == UNIT_NONE && !q[i].word)
            more[(*n)++] = (text_span){s->start + q[i].start, s->start + q[i].end};
    *all = more;
    return CAIRN_OK;
}

/* Where the question says of no kind what it asks for: numbers with a unit. */
static cairn_status measures_in(asking *a, const evidence_sentence *s, text_span **all, size_t *n, cairn_error *err)
{
    const cairn_hit *h = &a->hits->hits[s->passage];
    quantity *q;
    size_t n_q;
    cairn_status st = quantities_find(h->text + s->start, s->end - s->start, &a->memory, &q, &n_q, err);

    *n = 0;
    if (!st && !(*all = arena_calloc(&a->memory, n_q + 1, sizeof **all)))
        st = cairn_fail(err, CAIRN_ENOMEM, "statements");
    for (size_t i = 0; !st && i < n_q; i++)
        if (q[i].kind == QUANTITY_NUMBER && q[i].unit)
            (*all)[(*n)++] = (text_span){s->start + q[i].start, s->start + q[i].end};
    return st;
}

/* "Where is the key now, and where was it before?": the sentence with both answers whole. */
static bool asks_for_both(const char *question)
{
    static const char *const now[] = {"now", "today", "jetzt", "heute", "ahora", "hoy", "maintenant", "aujourd'hui"};
    char folded[QUESTION_BYTES + 1];
    size_t n = strlen(question);

    n = n > QUESTION_BYTES ? utf8_floor(question, QUESTION_BYTES) : n;
    utf8_fold_latin(question, n, folded);
    for (size_t i = 0; i < sizeof now / sizeof *now; i++) {
        const char *at = strstr(folded, now[i]);
        if (at && (at == folded || !is_word_byte(at[-1])) && !is_word_byte(at[strlen(now[i])]))
            return true;
    }
    return false;
}

/* The value in a sentence that is told as what was; false: none. */
static cairn_status find_value(asking *a, const evidence_sentence *s, text_span *out, bool *found, cairn_error *err)
{
    const cairn_hit *h = &a->hits->hits[s->passage];
    const char *text = h->text + s->start;
    bool timed = a->evidence.type == ANSWER_DATE || a->evidence.type == ANSWER_TIME;
    size_t n, len = s->end - s->start;
    text_span *all, at;
    cairn_status st;

    *found = false;
    if (s->head_end)
        return CAIRN_OK;
    if (is_untyped(a->evidence.type) && (*found = standing_earlier_phrase(text, len, &at))) {
        *out = (text_span){s->start + at.start, s->start + at.end};
        return CAIRN_OK;
    }
    st = is_untyped(a->evidence.type) ? measures_in(a, s, &all, &n, err)
                                      : evidence_mentions(a->an, a->question, &a->evidence, &a->read[s->passage], s, &a->memory, &all, &n, err);
    if (!st && n && a->evidence.type >= ANSWER_COUNT && a->evidence.type <= ANSWER_MEASURE)
        st = add_bare(a, s, &all, &n, err);
    for (size_t i = 0; !st && i < n && !*found; i++) {
        bool last = true, struck = text_is_struck(h->text, h->text_len, all[i].start);
        for (size_t j = 0; j < n; j++)
            last &= all[j].start <= all[i].start;
        at = (text_span){all[i].start - s->start, all[i].end - s->start};
        if ((*found = struck || standing_is_earlier(text, len, at, last, timed)))
            *out = all[i];
    }
    return st;
}

/* The sentence that stands right behind another one, among the evidence; NULL: none. */
static const evidence_sentence *behind(const asking *a, const evidence_sentence *s)
{
    const evidence *e = &a->evidence;

    for (size_t i = 0; i < e->n && !e->sentences[i].planted; i++) {
        const evidence_sentence *x = &e->sentences[i];
        if (x->passage == s->passage && x->start >= s->end && x->start < s->after && x->score >= s->score - BEHIND)
            return x;
    }
    return NULL;
}

static bool has_word(const char *s, size_t len, const char *list)
{
    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && s[end] != ' ')
            end++;
        if (word_list_has(list, s + at, end - at))
            return true;
        at = end + 1;
    }
    return false;
}

/* A sentence of the present, and no other document that says the like at another time. */
static cairn_status tells_present_alone(asking *a, const evidence_sentence *best, bool *alone, cairn_error *err)
{
    static const char present[] = " is are costs cost beträgt ist sind kostet kosten es son cuesta est sont coûte ";
    static const char past[] = " was were had been instead war waren betrug kostete statt era eran fue était étaient ";
    const evidence *e = &a->evidence;
    const cairn_hit *h = &a->hits->hits[best->passage];
    const standing_text here = ask_standing_text(a, best);
    cairn_status st = CAIRN_OK;

    *alone = has_word(h->text + best->start, best->end - best->start, present) && !has_word(h->text + best->start, best->end - best->start, past);
    for (size_t i = 0; !st && *alone && i < e->n && i < CANDIDATES && !e->sentences[i].planted; i++) {
        const evidence_sentence *x = &e->sentences[i];
        const standing_text there = ask_standing_text(a, x);
        standing_match m = {0};
        if (a->hits->hits[x->passage].doc == h->doc || x->score < best->score - SPREAD || !(x->feature[EVIDENCE_TYPE_STRONG] > 0))
            continue;
        st = standing_same_matter(a->an, a->asked, &here, &there, false, &m, err);
        *alone = !m.alike;
    }
    return st;
}

cairn_status ask_earlier_find(asking *a, cairn_error *err)
{
    const evidence *e = &a->evidence;
    const evidence_sentence *best = ask_typed_sentence(a), *now = NULL;
    text_span value = {0};
    bool found = false, alone;
    cairn_status st = CAIRN_OK;

    if (!best || e->type == ANSWER_WHO)
        return CAIRN_OK;
    for (size_t i = 0; !st && !found && i < e->n && i < CANDIDATES && !e->sentences[i].planted; i++) {
        const evidence_sentence *s = &e->sentences[i], *next;
        if (s->score < best->score - SPREAD || s->lift < 0 || s->feature[EVIDENCE_COVER_AROUND] < AS_MUCH * e->extra[EVIDENCE_MOST_AROUND])
            continue;
        now = s;
        st = find_value(a, s, &value, &found, err);
        if (!st && !found && (next = behind(a, s))) {
            now = next;
            st = find_value(a, next, &value, &found, err);
        }
    }
    if (st)
        return st;
    if (found) {
        a->standing.value = asks_for_both(a->asked) ? (text_span){now->start, now->end} : value;
        a->standing.old_value = (text_span){0, 0};
        a->standing.told = ASK_TOLD_SAME;
        a->standing.earlier = true;
        a->standing.old = *now;
        return ask_standing_put_first(a, now, NULL, 0, err);
    }
    if (e->type < ANSWER_COUNT || e->type > ANSWER_MEASURE || !standing_asks_before(a->asked))
        return CAIRN_OK;
    st = tells_present_alone(a, best, &alone, err);
    if (!st && alone)
        a->evidence.answerable = 0;
    return st;
}

static bool has_start(const char *text, size_t len, const char *word, size_t n)
{
    for (size_t at = 0; at + n <= len; at++)
        if (!strncasecmp(text + at, word, n) && (!at || !is_word_byte(text[at - 1])))
            return true;
    return false;
}

/* The words of "who was chair before Agnes?" that say whom: the sentence has to have how the office begins, and with its neighbours the name. */
static bool has_asked_words(const char *question, const char *text, const text_span *sentence, const text_span *near)
{
    static const char idle[] = " who was were is are did does do had has been the our a an my your before her him them us it in of at on as for to and "
                               "wer war ist vor der die das dem den unser unsere quién fue era antes de la el qui était avant le ";

    for (const char *q = question; *q;) {
        const text_span *in = is_capital(q, strlen(q)) && q > question ? near : sentence;
        size_t n = 0, stem;
        char low[WORD_BYTES];
        while (is_word_byte(q[n]))
            n++;
        if (n >= 3 && n < WORD_BYTES) {
            utf8_fold_latin(q, n, low);
            stem = utf8_floor(low, n > STEM_BYTES ? STEM_BYTES : n);
            if (!word_list_has(idle, low, n) && !has_start(text + in->start, in->end - in->start, q, stem))
                return false;
        }
        q += n ? n : 1;
    }
    return true;
}

/* Does the sentence name somebody whom the question does not: a run of words with capitals, none of them the question's? */
static bool names_another(const char *question, const char *text, const text_span *in)
{
    static const char lead[] = " The A An In On At For This It She He They We Our New Der Die Das Im Am El La Le Les ";

    for (size_t at = in->start; at < in->end;) {
        bool any = false, asked = false;
        while (at < in->end && is_capital(text + at, in->end - at)) { /* a run */
            size_t end = at;
            while (end < in->end && is_word_byte(text[end]))
                end++;
            if (!(at == in->start && word_list_has(lead, text + at, end - at)))
                any = true;
            asked |= has_start(question, strlen(question), text + at, end - at);
            at = end + (end < in->end && text[end] == ' ');
        }
        if (any && !asked)
            return true;
        while (at < in->end && is_word_byte(text[at]))
            at++;
        while (at < in->end && !is_word_byte(text[at]))
            at++;
    }
    return false;
}

bool ask_earlier_is_another(const asking *a, const char *text, text_span sentence, text_span near)
{
    static const char *const before[] = {" before ", " vor ", " antes de ", " avant "};
    char folded[QUESTION_BYTES + 1];
    size_t n = strlen(a->asked);

    n = n > QUESTION_BYTES ? utf8_floor(a->asked, QUESTION_BYTES) : n;
    utf8_fold_latin(a->asked, n, folded);
    for (size_t i = 0; a->evidence.type == ANSWER_WHO && i < sizeof before / sizeof *before; i++)
        if (strstr(folded, before[i]))
            return !has_asked_words(a->asked, text, &sentence, &near) || !names_another(a->asked, text, &sentence);
    return false;
}

/* Does the text say that something was planned: "the 3,900 that were planned"? Up to the end of the clause. */
static bool tells_plan(const char *s, size_t len)
{
    static const char plans[] = " planned plan plans expected estimated estimate budgeted budget foreseen hoped geplant geplanten veranschlagt erwartet vorgesehen budgetiert "
                                "previsto previstos prevista previstas presupuestado presupuestados estimado prévu prévus prévue prévues estimé estimés budgété budgétés ";
    char low[WORD_BYTES];

    for (size_t at = 0; at < len && !strchr(".;,", s[at]);) {
        size_t n = 0;
        while (at + n < len && is_word_byte(s[at + n]))
            n++;
        if (n && n < WORD_BYTES) {
            utf8_fold_latin(s + at, n, low);
            if (word_list_has(plans, low, n))
                return true;
        }
        at += n ? n : 1;
    }
    return false;
}

bool ask_earlier_is_old(asking *a, const char *sentence, size_t size, const char *claim, size_t len)
{
    quantity *said, *here;
    size_t n, n_here;
    bool old = false, other = false;

    if (standing_asks_earlier(a->asked) || tells_plan(a->asked, strlen(a->asked)) || a->evidence.type < ANSWER_COUNT || a->evidence.type > ANSWER_MEASURE ||
        quantities_find(claim, len, &a->memory, &said, &n, NULL) || quantities_find(sentence, size, &a->memory, &here, &n_here, NULL))
        return false;
    for (size_t k = 0; k < n_here; k++) {
        const text_span at = {here[k].start, here[k].end};
        bool in_claim = false;
        for (size_t i = 0; i < n; i++)
            in_claim |= quantity_equal(&said[i], &here[k]);
        if (here[k].kind != QUANTITY_NUMBER)
            continue;
        if (!in_claim)
            other |= here[k].class == UNIT_NONE || here[k].class == UNIT_MONEY || a->evidence.type != ANSWER_MONEY;
        else if (!standing_is_instead(sentence, at) || !tells_plan(sentence + at.end, size - at.end))
            return false;
        else
            old = true;
    }
    return old && other;
}

bool ask_earlier_denies(asking *a, const char *text, size_t len)
{
    const text_span at = a->standing.value;
    const char *value = a->hits->hits[a->standing.now->passage].text + at.start;
    size_t n, size = at.end - at.start;
    quantity *q, *want;
    size_t n_want;

    while (len && strchr(" .,;", text[len - 1]))
        len--;
    if (at.start == a->standing.now->start && at.end == a->standing.now->end)
        return len < size * 3 / 4; /* both are asked for */
    if (quantities_find(value, size, &a->memory, &want, &n_want, NULL) || quantities_find(text, len, &a->memory, &q, &n, NULL))
        return false;
    for (size_t i = 0; i < n && n_want; i++)
        if (quantity_equal(&want[0], &q[i]) || quantity_equal(&q[i], &want[0]))
            return false;
    for (size_t i = 0; i + size <= len; i++)
        if (!strncasecmp(text + i, value, size))
            return false;
    for (size_t i = 0; len && i + len <= size && !n_want; i++) /* "drawer" of "in the drawer" */
        if (!strncasecmp(value + i, text, len))
            return false;
    return true;
}
