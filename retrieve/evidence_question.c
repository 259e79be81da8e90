/* evidence_question.c - the question as evidence.c reads it: its language, its words with their weights, and
 * the values in it. */
#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "index/text/stopwords.h"
#include "retrieve/evidence_reading.h"
#include "retrieve/question_action.h"
#include "retrieve/standing.h"

const char *evidence_language(const char *question, size_t len, const char *const *candidates,
                              size_t n)
{
    static const char *const common[] = {"en", "de", "es", "fr", "it", "pt", "nl", "ru", "sv", "pl"};
    const char *best = "";
    size_t most = 0, n_common = sizeof common / sizeof *common;

    for (size_t c = 0; c < n + n_common; c++) {
        const char *lang = c < n ? candidates[c] : common[c - n];
        size_t found = 0;
        if (!lang || !*lang)
            continue;
        for (size_t i = 0; i < len;) {
            char form[ANALYZER_FORM_MAX];
            size_t end = i;
            while (end < len && (isalpha((unsigned char)question[end]) || (uint8_t)question[end] >= 0x80))
                end++;
            if (end > i && end - i < 64) {
                size_t w = analyzer_form(question + i, end - i, form);
                found += stopwords_has(lang, form, w);
            }
            i = end > i ? end : i + 1;
        }
        if (found > most) {
            most = found;
            /* A static copy of the code where there is one, else the candidate as it is. */
            best = lang;
        }
    }
    return best;
}

/* The second word of "how long", "wie hoch": it says what kind of answer is wanted; no document has to hold
 * it. */
static bool frames(const char *question, const text_term *how, const text_term *word)
{
    static const char *const hows[] = {"how", "wie"};
    static const char *const words[] = {"long", "old",  "far",   "high", "tall",  "large",  "big",     "fast",
                                        "often", "hot", "deep",  "wide", "heavy", "thick",  "many",    "much",
                                        "lang", "lange", "alt",  "hoch", "groß",  "weit",   "schwer",  "schnell", "teuer", "expensive",
                                        "tief", "warm", "breit", "viel", "viele", "vielen", "oft"};
    char form[2][ANALYZER_FORM_MAX];
    const text_term *both[2] = {how, word};
    bool asks = false;

    for (int i = 0; i < 2; i++) {
        size_t n = both[i]->end - both[i]->start;
        if (n >= ANALYZER_FORM_MAX / 4)
            return false;
        form[i][analyzer_form(question + both[i]->start, n, form[i])] = '\0';
    }
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++)
        asks |= !strcmp(form[0], hows[i]);
    for (size_t i = 0; asks && i < sizeof words / sizeof *words; i++)
        if (!strcmp(form[1], words[i]))
            return true;
    return false;
}

/* "À quelle heure", "combien de temps", "wie viel Uhr": the word that, behind one that asks, says what kind of answer is wanted. */
static bool frames_time(const char *question, const text_term *word)
{
    static const char *const asks[] = {"combien de ", "quelle ", "wie viel ", "welche ", "welcher ", "cuánto ", "qué ", "che ", "quanto ", "сколько "};
    static const char *const words[] = {"temps", "heure", "uhr", "uhrzeit", "tiempo", "hora", "ora", "tempo", "времени"};
    char form[ANALYZER_FORM_MAX], before[16 * 4];
    size_t n = word->end - word->start, from = word->start > 15 ? utf8_floor(question, word->start - 15) : 0;
    bool known = false;

    if (n >= ANALYZER_FORM_MAX / 4)
        return false;
    utf8_fold_latin(question + word->start, n, form);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        known |= !strcmp(form, words[i]);
    if (!known)
        return false;
    utf8_fold_latin(question + from, word->start - from, before);
    for (size_t i = 0, len = strlen(before); i < sizeof asks / sizeof *asks; i++)
        if (len >= strlen(asks[i]) && !strcmp(before + len - strlen(asks[i]), asks[i]))
            return true;
    return false;
}

/* "Combien de temps faut-il ...": what has to be is told by many words, or none. */
static bool is_need(const char *question, const text_term *word)
{
    static const char *const words[] = {"faut", "bisogna", "occorre", "нужно", "надо", "можно", "muss", "müssen"};
    char form[ANALYZER_FORM_MAX];
    size_t n = word->end - word->start;

    if (n >= ANALYZER_FORM_MAX / 4)
        return false;
    utf8_fold_latin(question + word->start, n, form);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(form, words[i]))
            return true;
    return false;
}

/* "How many days" is answered with days, or with a number alone. */
static cairn_status read_counted_unit(asked *q, arena *a, cairn_error *err)
{
    const asked_word *w = &q->words[q->thing];
    char *text = arena_printf(a, "2 %.*s", (int)(w->end - w->start), q->text + w->start);
    quantity *found;
    size_t n;
    cairn_status st = text ? quantities_find(text, strlen(text), a, &found, &n, err)
                           : cairn_fail(err, CAIRN_ENOMEM, "evidence");

    if (!st && n && found[0].class != UNIT_NONE)
        q->units = 1u << found[0].class;
    return st;
}

/* The date, or number with a unit, of the question that these bytes are in; SIZE_MAX: none. */
static size_t value_with(const asked *q, size_t start, size_t end)
{
    for (size_t i = 0; i < q->n_quantities; i++) {
        const quantity *v = &q->quantities[i];
        if (start >= v->start && end <= v->end && (v->kind == QUANTITY_DATE || (v->kind == QUANTITY_NUMBER && v->class != UNIT_NONE && !v->word)))
            return i;
    }
    return SIZE_MAX;
}

/* The month that the word is, read as the date that it would be a part of; 0: none. */
static int month_named(const char *word, size_t len, arena *a)
{
    char *date = len >= 3 && !isdigit((unsigned char)*word) ? arena_printf(a, "1 %.*s 2000", (int)len, word) : NULL;
    quantity *q;
    size_t n;

    return date && !quantities_find(date, strlen(date), a, &q, &n, NULL) && n == 1 && q[0].kind == QUANTITY_DATE ? q[0].month : 0;
}

/* "Which questions are in the quiz?" */
static bool asks_for_questions(const char *question, size_t len)
{
    static const char *const words[] = {"question", "frage", "pregunta", "domand", "вопрос", "问题", "سؤال", "quiz"};
    char low[512];

    utf8_fold_latin(question, len < sizeof low ? len : utf8_floor(question, sizeof low - 1), low);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(low, words[i]))
            return true;
    return false;
}

cairn_status evidence_read_question(analyzer *an, const char *question,
                                    const evidence_params *params, const char *lang, arena *a,
                                    asked *q, cairn_error *err)
{
    term_list terms;
    size_t len = strlen(question), typed = params->typed_len ? params->typed_len : len;
    cairn_status st;

    *q = (asked){.text = question, .len = len, .lang = lang, .type = answer_type_of(question, typed),
                 .units = answer_units_of(question, typed), .earlier = standing_asks_earlier(question)};
    way_read(question, typed, &q->way);
    q->vote = tally_asked(question, typed, &q->side);
    st = terms_read(an, *lang ? lang : terms_language(NULL, NULL, question, len), question, len,
                    &terms, err);
    if (!st)
        st = quantities_find(question, typed, a, &q->quantities, &q->n_quantities, err);
    if (!st && !(q->words = arena_calloc(a, terms.n + 1, sizeof *q->words)))
        st = cairn_fail(err, CAIRN_ENOMEM, "evidence");
    for (size_t i = 0; !st && i < terms.n; i++) {
        const text_term *t = &terms.at[i];
        bool again = false;
        if (t->weight <= 0 || (i && frames(question, t - 1, t)) || frames_time(question, t) || is_need(question, t))
            continue;
        for (size_t j = 0; j < i; j++)
            again |= terms.at[j].key == t->key;
        if (again)
            continue;
        double w = params->idf ? params->idf(params->idf_ctx, question + t->start, t->end - t->start)
                               : 1;
        if (t->start >= typed)
            w *= params->carried;
        q->words[q->n++] = (asked_word){t->start, t->end, w > 0 ? w : 1e-3, t->name || t->identifier, t->number,
                                        value_with(q, t->start, t->end), t->start >= typed, q->vote && tally_is_vote(question + t->start, t->end - t->start),
                                        q->way.direction != WAY_ANY && way_direction_of(question + t->start, t->end - t->start) == q->way.direction,
                                        q->way.end != WAY_WHOLE && way_end_named(question + t->start, t->end - t->start) == q->way.end, 0};
        if (q->words[q->n - 1].quantity == SIZE_MAX)
            q->words[q->n - 1].month = month_named(question + t->start, t->end - t->start, a);
        q->total += q->words[q->n - 1].weight;
        if (w > q->rarest)
            q->rarest = w;
    }
    term_list_clear(&terms);
    text_span action;
    q->action = SIZE_MAX;
    if (!st && q->type >= ANSWER_COUNT && q->type <= ANSWER_TIME && question_action(question, typed, &action))
        for (size_t i = 0; i < q->n; i++)
            if (q->words[i].start == action.start)
                q->action = i;
    q->of_questions = asks_for_questions(question, typed);
    q->pays = q->type == ANSWER_DATE && question_asks_payment(question, typed);
    if (!st)
        evidence_find_thing(q);
    if (!st && q->type == ANSWER_COUNT && q->counted && !q->units)
        st = read_counted_unit(q, a, err);
    return st;
}
