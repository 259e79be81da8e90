/* question_action.c - see question_action.h. Words are compared in small letters; lists stand between blanks. */
#include "retrieve/question_action.h"

#include <string.h>

#include "base/utf8.h"
#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define QUESTION_BYTES 512
#define WORDS_MAX      64

static const char modals[] = " can could may must should shall do does will would kann kannst können könnte könnten darf dürfen dürfte muss müssen soll sollen "
                             "puedo puede podemos pueden debo debe debemos deben puis peux peut pouvons peuvent dois doit devons doivent faut ";
static const char pronouns[] = " i we you one they people someone anyone members guests visitors customers ich wir man ihr sie er je nous on ils elle il vous ";
static const char skipped[] = " not also still already usually normally only ever actually then me us se me nous nos lo la ne y en le ";
/* "have to", "be able to": what stands behind them counts. */
static const char leads[] = " have need want get able allowed be going like ";
/* They say nothing of what is done, or are asked of everything. */
static const char empty[] = " have has be is get do make take use need want know find see go come think mean tell give put let expect cost costs pay read say reach "
                            "haben sein bekommen machen tun finden wissen gehen kommen werden nehmen nutzen benutzen verwenden sehen zahlen bezahlen erreichen "
                            "tener ser estar hacer encontrar saber ir usar utilizar ver pagar obtener avoir être faire trouver savoir aller utiliser voir payer obtenir ";
/* Behind "to" or "zu" an infinitive, where one of these stands before it. */
static const char tells_price[] = " cost costs take takes long much it allowed possible permitted days hours time kostet dauert es möglich erlaubt ";

typedef struct words {
    const char *text; /* folded */
    text_span at[WORDS_MAX];
    size_t n;
} words;

static bool in_list(const char *list, const words *w, size_t i)
{
    return i < w->n && word_list_has(list, w->text + w->at[i].start, w->at[i].end - w->at[i].start);
}

static bool is_word(const words *w, size_t i, const char *word)
{
    return i < w->n && w->at[i].end - w->at[i].start == strlen(word) && !memcmp(w->text + w->at[i].start, word, strlen(word));
}

static bool ends_in(const words *w, size_t i, const char *end)
{
    size_t len = w->at[i].end - w->at[i].start, n = strlen(end);

    return len > n + 1 && !memcmp(w->text + w->at[i].end - n, end, n);
}

static void read_words(const char *text, size_t len, words *w)
{
    w->text = text;
    w->n = 0;
    for (size_t at = 0; at < len && w->n < WORDS_MAX;) {
        size_t end = at;
        while (end < len && is_word_byte(text[end]) && memcmp(text + end, "\xC2\xBF", 2) && memcmp(text + end, "\xC2\xA0", 2) && memcmp(text + end, "\xE2\x80", 2))
            end++;
        if (end > at)
            w->at[w->n++] = (text_span){at, end};
        at = end > at ? end : at + 1;
    }
}

static bool is_romance_infinitive(const words *w, size_t i)
{
    return i < w->n && (ends_in(w, i, "ar") || ends_in(w, i, "er") || ends_in(w, i, "ir") || ends_in(w, i, "re") || ends_in(w, i, "arlo") ||
                        ends_in(w, i, "arla") || ends_in(w, i, "erlo") || ends_in(w, i, "irlo"));
}

static bool give(const words *w, size_t i, text_span *out)
{
    if (i >= w->n || in_list(empty, w, i))
        return false;
    *out = w->at[i];
    return true;
}

/* "can I have to ... return": the verb behind a modal verb and a pronoun of English. */
static bool behind_pronoun(const words *w, size_t i, text_span *out)
{
    while (in_list(skipped, w, i))
        i++;
    for (int k = 0; k < 2 && in_list(leads, w, i); k++) {
        size_t next = i + 1;
        while (in_list(leads, w, next) || in_list(skipped, w, next))
            next++;
        if (!is_word(w, next, "to"))
            break;
        i = next + 1;
    }
    return give(w, i, out);
}

static bool is_german(const words *w, size_t i)
{
    static const char german[] = " kann kannst können könnte könnten darf dürfen dürfte muss müssen soll sollen ";

    return in_list(german, w, i);
}

static bool is_romance(const words *w, size_t i)
{
    static const char romance[] = " puedo puede podemos pueden debo debe debemos deben puis peux peut pouvons peuvent dois doit devons doivent faut ";

    return in_list(romance, w, i);
}

bool question_action(const char *question, size_t len, text_span *out)
{
    char folded[QUESTION_BYTES + 4] = {0};
    words w;

    len = len > QUESTION_BYTES ? utf8_floor(question, QUESTION_BYTES) : len;
    utf8_fold_latin(question, len, folded);
    read_words(folded, len, &w);
    for (size_t i = 0; i + 1 < w.n; i++) {
        if (in_list(modals, &w, i) && is_german(&w, i) && i + 2 < w.n) {
            /* at the end; what is between is the clause's */
            return in_list(pronouns, &w, i + 1) && ends_in(&w, w.n - 1, "n") && give(&w, w.n - 1, out);
        }
        if (is_romance(&w, i)) {
            size_t next = i + 1;
            while (in_list(pronouns, &w, next) || in_list(skipped, &w, next))
                next++;
            return is_romance_infinitive(&w, next) && give(&w, next, out);
        }
        if (in_list(modals, &w, i) && in_list(pronouns, &w, i + 1))
            return behind_pronoun(&w, i + 2, out);
        if ((is_word(&w, i, "tengo") || is_word(&w, i, "tenemos") || is_word(&w, i, "hay") || is_word(&w, i, "tiene")) && is_word(&w, i + 1, "que"))
            return is_romance_infinitive(&w, i + 2) && give(&w, i + 2, out);
        if ((is_word(&w, i, "cuesta") || is_word(&w, i, "cuestan")) && is_romance_infinitive(&w, i + 1))
            return give(&w, i + 1, out);
        if ((is_word(&w, i, "coûte") || is_word(&w, i, "permis") || is_word(&w, i, "possible")) &&
            (is_word(&w, i + 1, "de") || is_word(&w, i + 1, "d")) && is_romance_infinitive(&w, i + 2))
            return give(&w, i + 2, out);
        if (i && in_list(tells_price, &w, i) && is_word(&w, i + 1, "to"))
            return give(&w, i + 2, out);
    }
    if (w.n > 3 && is_word(&w, w.n - 2, "zu") && ends_in(&w, w.n - 1, "n"))
        return give(&w, w.n - 1, out);
    return false;
}

/* Has text[0, len) a word that begins so? Characters without blanks between words may stand anywhere. */
static bool has_beginning(const char *text, size_t len, const char *const *begins, size_t n)
{
    char folded[QUESTION_BYTES + 4];

    for (size_t from = 0; from < len;) { /* longer texts piece by piece */
        size_t bytes = len - from > QUESTION_BYTES ? utf8_floor(text + from, QUESTION_BYTES) : len - from;
        utf8_fold_latin(text + from, bytes, folded);
        for (size_t i = 0; i < n; i++)
            for (const char *at = folded; (at = strstr(at, begins[i])); at++)
                if (at == folded || !is_word_byte(at[-1]) || (unsigned char)*at >= 0xE3)
                    return true;
        if (!bytes)
            break;
        from += bytes;
    }
    return false;
}

bool question_asks_payment(const char *question, size_t len)
{
    static const char *const pays[] = {"pay", "paid", "due", "settle", "zahl", "bezahl", "fällig", "überweis", "begleich", "gezahlt", "payer", "payé", "régler",
                                       "pagar", "pague", "pagat", "paga ", "pagado", "abonar", "vence", "pagare", "scade", "saldare", "плат", "оплат",
                                       "заплат", "付款", "付清", "支付", "缴纳", "交租", "缴费"};

    return has_beginning(question, len, pays, sizeof pays / sizeof *pays);
}

bool text_speaks_of_payment(const char *text, size_t len)
{
    static const char *const says[] = {"pay", "paid", "due", "settle", "zahl", "bezahl", "gezahlt", "fällig", "überweis", "begleich", "rechnungsbetrag ist", "régl",
                                       "règl", "échéance", "acquitt", "solde", "versé", "pag", "abon", "vencim", "vence", "scaden", "scade", "sald", "versa",
                                       "плат", "оплат", "заплат", "внос", "внес", "срок", "付款", "付清", "支付", "缴", "账期", "交租"};

    return has_beginning(text, len, says, sizeof says / sizeof *says);
}
