/* ask_place.c - where in the documents a sentence of the model stands.
 *
 * It is looked for in the surroundings of the best evidence, as far as that speaks of what was asked. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "engine/ask.h"
#include "retrieve/cite_names.h"
#include "retrieve/cite_value.h"
#include "retrieve/code_values.h"
#include "retrieve/tally.h"
#include "retrieve/terms.h"
#include "retrieve/way.h"

#define MAX_WINDOWS  12   /* sentences whose surroundings an answer is compared with */
#define CITED_SPREAD 2.0f /* log-odds below the best sentence of what may be cited */
#define CITED_COVER  0.7f /* share of the highest cover of the question that it must have */
#define CITED_FIRST  3    /* but the first few may be without that, if they are */
#define CITED_NEAR   2.5f /* so near the best */
#define CITED_OTHER  1.5f /* ... or so near, in another document that has less of the question */
#define CITED_AS_SURE 1.0f /* log-odds below another sentence that holds it of one that is cited in its place */
#define ALIKE        0.8f /* of the best sentence's share of the question: it looks like the answer */
#define AS_MUCH      0.9f /* of the best sentence's share of the question */

/* Sides of a question that was taken apart stand in documents of their own. */
static bool in_best_document(const asking *a, const evidence_sentence *s)
{
    return a->n_promoted || a->hits->hits[s->passage].doc == a->hits->hits[a->evidence.sentences[0].passage].doc;
}

/* It has much of the question, but is in another document, which lacks names of the question that the best sentence's has, and knows nothing
 * of the documents that have them: the same of another thing. What a bridge leads to has little of the question. */
static bool is_of_another_matter(const asking *a, const evidence_sentence *s)
{
    const float *best = a->evidence.sentences[0].feature;

    return !in_best_document(a, s) && s->feature[EVIDENCE_NAMES] < best[EVIDENCE_NAMES] &&
           s->feature[EVIDENCE_NAMES_UNLINKED] > best[EVIDENCE_NAMES_UNLINKED] &&
           s->feature[EVIDENCE_COVER_AROUND] >= ALIKE * best[EVIDENCE_COVER_AROUND];
}

bool ask_speaks_of_question(const asking *a, const evidence_sentence *s)
{
    const evidence *e = &a->evidence;
    const evidence_sentence *best = &e->sentences[0];
    float most = e->extra[EVIDENCE_MOST_AROUND];
    bool as_much = s->feature[EVIDENCE_COVER_AROUND] >= AS_MUCH * best->feature[EVIDENCE_COVER_AROUND];
    float near = as_much || in_best_document(a, s) || (e->asks_to_do && s->acts) ? CITED_NEAR : CITED_OTHER;

    if (is_of_another_matter(a, s))
        return false;
    return s < &e->sentences[a->n_promoted ? a->n_promoted : 1] ||
           (s < &e->sentences[a->n_promoted + CITED_FIRST] && s->score >= ask_best_score(a) - near) ||
           (s->score >= ask_best_score(a) - CITED_SPREAD &&
            (s->feature[EVIDENCE_FOREIGN] > 0 ||
             s->feature[EVIDENCE_COVER_AROUND] >= CITED_COVER * most));
}

/* Bytes of a leading "Yes, " or "No, ": the rest of the sentence is what a passage can hold. 0: none, or nothing else. */
static size_t leading_reply(const char *text, size_t len)
{
    static const char *const words[] = {"yes", "no", "ja", "nein", "sí", "si", "oui", "non", "да", "нет", "نعم", "是的", "不是"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (n + 2 < len && !strncasecmp(text, words[i], n) && (text[n] == ',' || text[n] == ':') && text[n + 1] == ' ')
            return n + 2;
    }
    return 0;
}

/* "Both are airports": said of all that the question names, so one passage that lacks a name of them cannot hold it. */
static bool is_of_both(const char *text, size_t len)
{
    static const char *const words[] = {"both", "beide", "beiden", "ambos", "ambas", "entrambi", "entrambe", "les deux",
                                        "tous deux", "toutes deux", "оба", "обе", "都", "كلا", "كلتا"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        bool joined = words[i][0] == "都"[0]; /* a script without blanks */
        for (size_t at = 0; at + n <= len; at++) {
            bool begins = !at || (!isalnum((unsigned char)text[at - 1]) && !(text[at - 1] & 0x80));
            bool ends = at + n == len || (!isalnum((unsigned char)text[at + n]) && !(text[at + n] & 0x80));
            if (!strncasecmp(text + at, words[i], n) && (joined || (begins && ends)))
                return true;
        }
    }
    return false;
}

/* Of "which, A or B?" the one of them and no more: what the model chose. Any sentence that names it
 * would seem to hold that. */
static bool is_bare_choice(const asking *a, const char *text, size_t len)
{
    const char *asked = a->asked;

    while (len && (text[len - 1] == '.' || isspace((unsigned char)text[len - 1])))
        len--;
    if (a->apart.kind != DECOMPOSE_COMPARISON || !len)
        return false;
    for (size_t i = 0, n = strlen(asked); i + len <= n; i++)
        if (!strncasecmp(asked + i, text, len))
            return true;
    return false;
}

/* Whether the passage, with its title and heading, has every name of the question. */
static cairn_status has_names_of_question(asking *a, const cite_passage *p, bool *has, cairn_error *err)
{
    const char *lang = terms_language(p->lang, NULL, p->text, p->len), *question = a->asked;
    const char *parts[] = {p->text, p->title, p->heading};
    term_list asked, here[3] = {{0}};
    cairn_status st = terms_read(a->an, lang, question, strlen(question), &asked, err);

    for (size_t i = 0; i < 3 && !st; i++)
        if (parts[i])
            st = terms_read(a->an, lang, parts[i], i ? strlen(parts[i]) : p->len, &here[i], err);
    *has = true;
    for (size_t i = 0; i < asked.n && !st; i++) {
        const text_term *t = &asked.at[i];
        bool found = !t->name || !(t->weight > 0);
        for (size_t k = 0; k < 3 && !found; k++)
            found = terms_have(here[k].at, here[k].n, t->key);
        *has &= found;
    }
    for (size_t i = 0; i < 3; i++)
        term_list_clear(&here[i]);
    term_list_clear(&asked);
    return st;
}

static bool is_known_place(const ask_said *said, size_t hit, size_t start, size_t end)
{
    for (size_t i = 0; i < said->n_places; i++)
        if (said->places[i].hit == hit && said->places[i].start == start && said->places[i].end == end)
            return true;
    return false;
}

/* What the model was shown first, in the best document, with the question's names, or with most of its words. Where the evidence itself
 * does not speak for an answer, only reading found it, and it may stand anywhere there. */
static bool was_shown_for_question(const asking *a, const evidence_sentence *s)
{
    const evidence *e = &a->evidence;
    bool named = false; /* where some passages have a name of the question and others have not, it says something */

    if (is_of_another_matter(a, s))
        return false;
    for (size_t i = 0; i < e->n && !named; i++)
        named = e->sentences[i].feature[EVIDENCE_NAMES] < 1;
    return e->answerable < (float)a->c->settings.ask_min_answerable || in_best_document(a, s) || s->feature[EVIDENCE_FOREIGN] > 0 ||
           (named && s->feature[EVIDENCE_NAMES] >= e->sentences[0].feature[EVIDENCE_NAMES]) ||
           s->feature[EVIDENCE_COVER_AROUND] >= CITED_COVER * e->extra[EVIDENCE_MOST_AROUND];
}

/* The i-th sentence by which something may stand, NULL beyond the last: the best evidence as far as it speaks of the
 * question, then what was put before the model first. *near: whether it may. */
static const evidence_sentence *place_to_look(const asking *a, size_t i, bool *near)
{
    const evidence *e = &a->evidence;
    size_t n = e->n - e->n_planted, windows = n < MAX_WINDOWS ? n : MAX_WINDOWS;

    if (i < windows) {
        *near = ask_speaks_of_question(a, &e->sentences[i]);
        return &e->sentences[i];
    }
    i -= windows;
    if (i >= a->n_reads || i >= CITED_FIRST)
        return NULL;
    *near = was_shown_for_question(a, a->reads[i]);
    return a->reads[i];
}

/* Only the reading speaks for an answer, and it was found where the evidence sees none. */
static bool is_found_elsewhere(const asking *a, const evidence_sentence *s)
{
    return !a->n_promoted && a->evidence.answerable < (float)a->c->settings.ask_min_answerable && !(s->feature[EVIDENCE_FOREIGN] > 0) &&
           evidence_is_far(&a->evidence, s);
}

/* Does the passage, its title or its heading have the question's words that begin at these bytes? The question is read in its language. */
static cairn_status has_words(asking *a, const cite_passage *p, const text_term *words, size_t n, bool *has, cairn_error *err)
{
    const char *parts[] = {p->text, p->title, p->heading}, *lang = terms_language(p->lang, NULL, p->text, p->len);
    term_list asked = {0}, here = {0};
    cairn_status st = terms_read(a->an, lang, a->asked, strlen(a->asked), &asked, err);

    for (size_t k = 0; k < 3 && !st; k++) {
        if (!parts[k])
            continue;
        st = terms_read(a->an, lang, parts[k], k ? strlen(parts[k]) : p->len, &here, err);
        for (size_t i = 0; i < asked.n && !st; i++)
            for (size_t w = 0; w < n; w++)
                has[w] |= words[w].start == asked.at[i].start && terms_have(here.at, here.n, asked.at[i].key);
        term_list_clear(&here);
    }
    term_list_clear(&asked);
    return st;
}

/* How much of what the question names each passage has; a name that few of them have weighs most. In a->named. */
static cairn_status share_names(asking *a, cairn_error *err)
{
    const size_t n = a->hits->n_hits;
    term_list asked = {0};
    size_t n_names = 0;
    bool *has;
    cairn_status st = terms_read(a->an, a->evidence.lang, a->asked, strlen(a->asked), &asked, err);

    for (size_t w = 0; w < asked.n; w++)
        if (asked.at[w].name || asked.at[w].identifier)
            asked.at[n_names++] = asked.at[w];
    a->named = arena_calloc(&a->memory, n + 1, sizeof *a->named);
    has = arena_calloc(&a->memory, n * n_names + 1, sizeof *has);
    if (!st && (!a->named || !has))
        st = cairn_fail(err, CAIRN_ENOMEM, "answer");
    for (size_t i = 0; i < n && n_names && !st; i++)
        st = has_words(a, &a->read[i].text, asked.at, n_names, has + i * n_names, err);
    for (size_t w = 0; w < n_names && !st; w++) {
        float of = 0;
        for (size_t i = 0; i < n; i++)
            of += has[i * n_names + w];
        for (size_t i = 0; i < n; i++)
            a->named[i] += has[i * n_names + w] ? 1 / of : 0;
    }
    term_list_clear(&asked);
    return st;
}

/* Is every time that is said one of the other end of the journey that is asked about: when it lands, for when it leaves? */
static bool is_of_other_end(asking *a, const evidence_sentence *s, const char *claim, size_t len)
{
    const char *text = a->read[s->passage].text.text;
    bool other = false;
    way_asked way;
    text_span head;
    quantity *said, *here;
    size_t n, n_here;
    bool row = way_head_of(text, s->start, s->end, &head);

    way_read(a->asked, strlen(a->asked), &way);
    if (!way.travel || way.end == WAY_WHOLE || quantities_find(claim, len, &a->memory, &said, &n, NULL) ||
        quantities_find(text + s->start, s->end - s->start, &a->memory, &here, &n_here, NULL))
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_here; k++) {
            way_end end;
            if (said[i].kind != QUANTITY_TIME || here[k].kind != QUANTITY_TIME || !quantity_equal(&said[i], &here[k]))
                continue;
            end = way_end_of(row ? text + head.start : NULL, row ? head.end - head.start : 0, text + s->start, s->end - s->start, (text_span){here[k].start, here[k].end});
            if (end == WAY_WHOLE || end == way.end)
                return false;
            other = true;
        }
    return other;
}

/* Does the sentence hold what was said, so that it may be cited? Fills *out, and *by_head: the title or heading above it alone does. */
static cairn_status holds_said(asking *a, const evidence_sentence *s, const char *text, size_t len, bool both, ask_place *out, bool *holds,
                               bool *by_head, cairn_error *err)
{
    cite_passage near = a->read[s->passage].text;
    citation *found;
    tally_side side;
    tally votes;
    bool names = true;
    size_t n;
    cairn_status st;

    near.text += s->before;
    near.len = s->after - s->before;
    *holds = false;
    st = cite_check(a->an, NULL, text, len, &near, 1, NULL, &a->cite, &a->memory, &found, &n, err);
    if (!st && both)
        st = has_names_of_question(a, &a->read[s->passage].text, &names, err);
    if (st || !n || !found[0].supported || !names)
        return st;
    if (s->head_end && !ask_columns_agree(a->read[s->passage].text.text, s->head_end, near.text + found[0].start,
                                          found[0].end - found[0].start, text, len, &a->memory))
        return CAIRN_OK;
    if (!in_best_document(a, s) && (s->before + found[0].start >= s->end || s->before + found[0].end <= s->start))
        return CAIRN_OK; /* beside what speaks of the question stands a value of another thing */
    if (cite_cuts_value(text, len, near.text + found[0].start, found[0].end - found[0].start, a->asked, a->evidence.type,
                        a->evidence.units, &a->memory))
        return CAIRN_OK;
    if (a->evidence.type == ANSWER_WHO && cite_is_object(a->asked, text, len, near.text + found[0].start, found[0].end - found[0].start))
        return CAIRN_OK; /* whom it is done to */
    if (is_of_other_end(a, s, text, len) || ask_earlier_is_another(a, near.text, (text_span){found[0].start, found[0].end}, (text_span){0, near.len}))
        return CAIRN_OK;
    if (ask_earlier_is_old(a, near.text + found[0].start, found[0].end - found[0].start, text, len))
        return CAIRN_OK;
    if (tally_asked(a->asked, strlen(a->asked), &side) && side < TALLY_SIDES && a->evidence.type == ANSWER_COUNT &&
        !tally_gives_side(text, len, near.text + found[0].start, found[0].end - found[0].start, side) &&
        (tally_find(near.text + found[0].start, found[0].end - found[0].start, &votes) ||
         !tally_has_side(near.text + found[0].start, found[0].end - found[0].start, side)))
        return CAIRN_OK;
    if (tally_asked(a->asked, strlen(a->asked), &side) && s->feature[EVIDENCE_COVER_AROUND] < AS_MUCH * a->evidence.sentences[0].feature[EVIDENCE_COVER_AROUND])
        return CAIRN_OK; /* of another vote */
    if (tally_asked(a->asked, strlen(a->asked), &side) && side == TALLY_SIDES && tally_is_cut(text, len, near.text + found[0].start, found[0].end - found[0].start))
        return CAIRN_OK; /* "2 abstentions" of "5 for, 14 against, 2 abstentions" */
    *out = (ask_place){.hit = s->passage,
                       .start = s->before + found[0].start,
                       .end = s->before + found[0].end,
                       .near_start = s->before,
                       .near_end = s->after,
                       .head_end = s->head_end};
    *holds = true;
    *by_head = found[0].by_head;
    return CAIRN_OK;
}

/* Of two places that hold it, nearly as sure, in two documents: has the later one's passage more of what the question names? */
static cairn_status names_more(asking *a, const evidence_sentence *later, const evidence_sentence *first, bool *more, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    *more = false;
    if (a->hits->hits[later->passage].doc == a->hits->hits[first->passage].doc || later->score < first->score - CITED_AS_SURE)
        return CAIRN_OK;
    if (!a->named)
        st = share_names(a, err);
    if (!st)
        *more = a->named[later->passage] > a->named[first->passage];
    return st;
}

/* "defaultPort", said of a program, stands for what its line gives it: that is said in its place. *st: how that went. */
static bool name_value(asking *a, ask_said *said, cairn_status *st)
{
    const evidence *e = &a->evidence;
    const char *text = said->text;
    size_t len = said->len;

    *st = CAIRN_OK;
    while (len && strchr(" .`", text[len - 1]))
        len--;
    while (len && *text == '`') {
        text++;
        len--;
    }
    for (size_t i = 0; code_is_name(text, len) && i < e->n && i < MAX_WINDOWS && !e->sentences[i].planted; i++) {
        const cairn_hit *of = &a->hits->hits[e->sentences[i].passage];
        if (!code_is_source(of->uri) || !memmem(of->text + e->sentences[i].start, e->sentences[i].end - e->sentences[i].start, text, len))
            continue;
        for (size_t h = 0; h < a->hits->n_hits; h++) {
            const cairn_hit *hit = &a->hits->hits[h];
            text_span value;
            size_t start, end;
            if (hit->doc != of->doc || !code_constant(hit->text, hit->text_len, text, len, &value))
                continue;
            for (start = value.start; start && hit->text[start - 1] != '\n';)
                start--;
            for (end = value.end; end < hit->text_len && hit->text[end] != '\n';)
                end++;
            if (!(text = arena_strndup(&a->memory, hit->text + value.start, value.end - value.start))) {
                *st = CAIRN_ENOMEM;
                return true;
            }
            said->text = text;
            said->len = value.end - value.start;
            said->places[said->n_places++] = (ask_place){.hit = h, .start = start, .end = end, .near_start = start, .near_end = end};
            return true;
        }
    }
    return false;
}

cairn_status ask_confirm(asking *a, ask_said *said, cairn_error *err)
{
    const char *text = said->text;
    const size_t most = a->entailer ? ASK_PLACES : 1;
    size_t len = said->len;
    bool both = is_of_both(text, len), close, holds, by_head, more, spared = false;
    const evidence_sentence *s, *first = NULL;
    ask_place place, spare; /* the first one below a title that says it all: where no sentence does */
    cairn_status st = CAIRN_OK, named;

    if (is_bare_choice(a, text, len) || follow_up_repeats(text, len, &a->known, a->evidence.type == ANSWER_WHY) ||
        ask_standing_denies(a, text, len))
        return CAIRN_OK;
    said->reply = leading_reply(text, len);
    if (name_value(a, said, &named))
        return named;
    text += said->reply;
    len -= said->reply;
    for (size_t i = 0; !st && (s = place_to_look(a, i, &close)); i++) {
        if (!close || s->away || is_found_elsewhere(a, s) || (first && said->n_places == most && s->score < first->score - CITED_AS_SURE))
            continue;
        st = holds_said(a, s, text, len, both, &place, &holds, &by_head, err);
        if (!st && holds && by_head && !spared) {
            spare = place;
            spared = true;
        }
        if (st || !holds || by_head || is_known_place(said, place.hit, place.start, place.end))
            continue;
        if (said->n_places < most) {
            said->places[said->n_places++] = place;
            first = first ? first : s;
            continue;
        }
        st = most > 1 ? CAIRN_OK : names_more(a, s, first, &more, err);
        if (!st && most == 1 && more) {
            said->places[0] = place;
            first = s;
        }
    }
    if (!st && !said->n_places && spared)
        said->places[said->n_places++] = spare;
    return st;
}
