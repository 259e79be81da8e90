/* answer_type.c - see answer_type.h. */
#include "retrieve/answer_type.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "retrieve/quantity_words.h"
#include "retrieve/vague_time.h"
#include "retrieve/word_byte.h"

#define QUESTION_MAX 512 /* bytes of a question that are looked at */

/* First match wins. A phrase of letters must stand between word boundaries; '~' at its end lets the
 * last word go on. */
static const struct {
    const char *phrase;
    answer_type type;
} phrases[] = {
    /* money before amounts: "how much does it cost" */
    {"how much does * weigh", ANSWER_MEASURE}, {"how much do * weigh", ANSWER_MEASURE},
    {"how much does * cost", ANSWER_MONEY}, {"how much did * cost", ANSWER_MONEY},
    {"how much will * cost", ANSWER_MONEY}, {"how much do * cost", ANSWER_MONEY},
    {"how much money", ANSWER_MONEY}, {"how much is the", ANSWER_MONEY}, {"how much is our", ANSWER_MONEY}, {"how much is my", ANSWER_MONEY},
    {"how much was the", ANSWER_MONEY}, {"how much was our", ANSWER_MONEY}, {"how much was my", ANSWER_MONEY},
    {"what did * pay", ANSWER_MONEY}, {"what do * pay", ANSWER_MONEY}, {"what does * pay", ANSWER_MONEY}, {"how much does * pay", ANSWER_MONEY}, {"how much do * pay", ANSWER_MONEY}, {"how much did * pay", ANSWER_MONEY},
    {"how much do * owe", ANSWER_MONEY}, {"how much does * owe", ANSWER_MONEY}, {"how much did * spend", ANSWER_MONEY}, {"how much can * spend", ANSWER_MONEY},
    {"how much could * spend", ANSWER_MONEY}, {"how much may * spend", ANSWER_MONEY}, {"how much do * spend", ANSWER_MONEY},
    {"what is the price", ANSWER_MONEY}, {"what does * cost", ANSWER_MONEY},
    {"what do * cost", ANSWER_MONEY}, {"what will * cost", ANSWER_MONEY},
    {"what did * cost", ANSWER_MONEY}, {"what is the rent", ANSWER_MONEY},
    {"how expensive", ANSWER_MONEY}, {"was kostet", ANSWER_MONEY}, {"was kosten", ANSWER_MONEY},
    {"wie viel kostet", ANSWER_MONEY}, {"wie viel kosten", ANSWER_MONEY},
    {"wieviel kostet", ANSWER_MONEY}, {"wie teuer", ANSWER_MONEY}, {"wie viel euro", ANSWER_MONEY},
    {"wie hoch ist die miete", ANSWER_MONEY}, {"cuánto cuesta~", ANSWER_MONEY},
    {"cuánto costó", ANSWER_MONEY}, {"cuánto dinero", ANSWER_MONEY}, {"qué precio", ANSWER_MONEY},
    {"combien coûte~", ANSWER_MONEY}, {"quel est le prix", ANSWER_MONEY},
    {"сколько стоит", ANSWER_MONEY}, {"сколько обойдётся", ANSWER_MONEY}, {"сколько обойдется", ANSWER_MONEY}, {"какова стоимость", ANSWER_MONEY},
    {"какова цена", ANSWER_MONEY}, {"多少钱", ANSWER_MONEY},
    {"what percent~", ANSWER_SHARE}, {"which percent~", ANSWER_SHARE},
    {"gesamtbetrag", ANSWER_MONEY}, {"rechnungsbetrag", ANSWER_MONEY}, {"montant total", ANSWER_MONEY},
    {"importe total", ANSWER_MONEY}, {"what is the total number", ANSWER_COUNT}, {"what was the total number", ANSWER_COUNT},
    {"what is the total", ANSWER_MEASURE}, {"what was the total", ANSWER_MEASURE},
    {"how many percent", ANSWER_SHARE}, {"wie viel prozent", ANSWER_SHARE},
    {"wie viele prozent", ANSWER_SHARE}, {"welcher prozentsatz", ANSWER_SHARE},
    {"qué porcentaje", ANSWER_SHARE}, {"quel pourcentage", ANSWER_SHARE},
    {"сколько процентов", ANSWER_SHARE}, {"百分之", ANSWER_SHARE},
    {"what time", ANSWER_TIME}, {"um wie viel uhr", ANSWER_TIME}, {"wie spät", ANSWER_TIME},
    {"qué hora", ANSWER_TIME}, {"quelle heure", ANSWER_TIME}, {"几点", ANSWER_TIME},
    {"how many", ANSWER_COUNT}, {"what number of", ANSWER_COUNT}, {"how much", ANSWER_MEASURE},
    {"wie viele~", ANSWER_COUNT}, {"wieviele~", ANSWER_COUNT}, {"wie viel", ANSWER_MEASURE},
    {"wieviel", ANSWER_MEASURE}, {"welche anzahl", ANSWER_COUNT}, {"cuántos", ANSWER_COUNT},
    {"cuántas", ANSWER_COUNT}, {"cuánta", ANSWER_MEASURE}, {"cuánto", ANSWER_MEASURE},
    {"qué cantidad", ANSWER_MEASURE}, {"combien", ANSWER_COUNT}, {"сколько", ANSWER_COUNT},
    {"多少", ANSWER_MEASURE}, {"几月", ANSWER_DATE}, {"几", ANSWER_COUNT}, {"كم", ANSWER_COUNT},
    {"was wiegt", ANSWER_MEASURE}, {"was wiegen", ANSWER_MEASURE}, {"what does * weigh", ANSWER_MEASURE},
    {"what do * weigh", ANSWER_MEASURE}, {"what is the weight", ANSWER_MEASURE},
    {"what weight", ANSWER_MEASURE}, {"cuánto pesa~", ANSWER_MEASURE}, {"combien pèse~", ANSWER_MEASURE},
    {"what pressure", ANSWER_MEASURE}, {"what speed", ANSWER_MEASURE}, {"welchem druck", ANSWER_MEASURE},
    {"welche geschwindigkeit", ANSWER_MEASURE}, {"how long", ANSWER_MEASURE}, {"how old", ANSWER_MEASURE}, {"how far", ANSWER_MEASURE},
    {"how high", ANSWER_MEASURE}, {"how tall", ANSWER_MEASURE}, {"how large", ANSWER_MEASURE},
    {"how big", ANSWER_MEASURE}, {"how fast", ANSWER_MEASURE}, {"how often", ANSWER_OTHER},
    {"how hot", ANSWER_MEASURE}, {"how deep", ANSWER_MEASURE}, {"how wide", ANSWER_MEASURE},
    {"how heavy", ANSWER_MEASURE}, {"how thick", ANSWER_MEASURE}, {"what temperature", ANSWER_MEASURE},
    {"what age", ANSWER_MEASURE}, {"what torque", ANSWER_MEASURE}, {"wie lange", ANSWER_MEASURE},
    {"wie lang", ANSWER_MEASURE}, {"wie alt", ANSWER_MEASURE}, {"wie hoch", ANSWER_MEASURE},
    {"wie groß", ANSWER_MEASURE}, {"wie weit", ANSWER_MEASURE}, {"wie schwer", ANSWER_MEASURE}, {"wie breit", ANSWER_MEASURE},
    {"wie schnell", ANSWER_MEASURE}, {"wie tief", ANSWER_MEASURE}, {"wie warm", ANSWER_MEASURE},
    {"welche temperatur", ANSWER_MEASURE}, {"qué edad", ANSWER_MEASURE},
    {"qué temperatura", ANSWER_MEASURE}, {"quel âge", ANSWER_MEASURE},
    {"when", ANSWER_DATE}, {"what year", ANSWER_DATE}, {"which year", ANSWER_DATE},
    {"what date", ANSWER_DATE}, {"which date", ANSWER_DATE}, {"what month", ANSWER_DATE},
    {"which month", ANSWER_DATE}, {"what day", ANSWER_DATE}, {"which day", ANSWER_DATE}, {"wann", ANSWER_DATE},
    {"welchem jahr", ANSWER_DATE}, {"welches jahr", ANSWER_DATE}, {"welchem datum", ANSWER_DATE},
    {"welchem monat", ANSWER_DATE}, {"welchem tag", ANSWER_DATE}, {"bis wann", ANSWER_DATE},
    {"cuándo", ANSWER_DATE}, {"qué año", ANSWER_DATE}, {"qué fecha", ANSWER_DATE},
    {"qué mes", ANSWER_DATE}, {"qué día", ANSWER_DATE}, {"quand", ANSWER_DATE},
    {"quelle année", ANSWER_DATE}, {"quelle date", ANSWER_DATE}, {"quel mois", ANSWER_DATE}, {"quel jour", ANSWER_DATE},
    {"каком месяце", ANSWER_DATE}, {"哪个月", ANSWER_DATE}, {"когда", ANSWER_DATE},
    {"什么时候", ANSWER_DATE}, {"何时", ANSWER_DATE}, {"哪年", ANSWER_DATE}, {"哪一年", ANSWER_DATE},
    {"متى", ANSWER_DATE},
    {"who", ANSWER_WHO}, {"whom", ANSWER_WHO}, {"whose", ANSWER_WHO}, {"wer", ANSWER_WHO},
    {"wen", ANSWER_WHO}, {"wem", ANSWER_WHO}, {"wessen", ANSWER_WHO}, {"quién", ANSWER_WHO},
    {"quiénes", ANSWER_WHO}, {"qui", ANSWER_WHO}, {"кто", ANSWER_WHO}, {"谁", ANSWER_WHO},
    {"哪位", ANSWER_WHO}, {"من هو", ANSWER_WHO},
    {"where", ANSWER_WHERE}, {"what city", ANSWER_WHERE}, {"which city", ANSWER_WHERE},
    {"what country", ANSWER_WHERE}, {"which country", ANSWER_WHERE}, {"what town", ANSWER_WHERE},
    {"wo", ANSWER_WHERE}, {"wohin", ANSWER_WHERE}, {"woher", ANSWER_WHERE},
    {"welcher stadt", ANSWER_WHERE}, {"welchem land", ANSWER_WHERE}, {"dónde", ANSWER_WHERE},
    {"adónde", ANSWER_WHERE}, {"qué ciudad", ANSWER_WHERE}, {"qué país", ANSWER_WHERE},
    {"où", ANSWER_WHERE}, {"где", ANSWER_WHERE}, {"哪里", ANSWER_WHERE}, {"在哪", ANSWER_WHERE},
    {"أين", ANSWER_WHERE},
    {"phone number", ANSWER_CODE}, {"telephone number", ANSWER_CODE}, {"fax number", ANSWER_CODE}, {"serial number", ANSWER_CODE},
    {"account number", ANSWER_CODE}, {"invoice number", ANSWER_CODE}, {"order number", ANSWER_CODE}, {"customer number", ANSWER_CODE},
    {"iban", ANSWER_CODE}, {"ip address", ANSWER_CODE}, {"e mail address", ANSWER_CODE}, {"email address", ANSWER_CODE},
    {"postcode", ANSWER_CODE}, {"zip code", ANSWER_CODE}, {"door code", ANSWER_CODE}, {"access code", ANSWER_CODE},
    {"code of the lock", ANSWER_CODE}, {"code of the door", ANSWER_CODE}, {"code for the", ANSWER_CODE},
    {"telefonnummer", ANSWER_CODE}, {"rufnummer", ANSWER_CODE}, {"seriennummer", ANSWER_CODE}, {"kontonummer", ANSWER_CODE},
    {"rechnungsnummer", ANSWER_CODE}, {"kundennummer", ANSWER_CODE}, {"postleitzahl", ANSWER_CODE}, {"türcode", ANSWER_CODE},
    {"ip adresse", ANSWER_CODE}, {"e mail adresse", ANSWER_CODE}, {"mailadresse", ANSWER_CODE},
    {"número de teléfono", ANSWER_CODE}, {"número de serie", ANSWER_CODE}, {"código postal", ANSWER_CODE},
    {"numéro de téléphone", ANSWER_CODE}, {"numéro de série", ANSWER_CODE}, {"code postal", ANSWER_CODE},
    {"adresse e mail", ANSWER_CODE}, {"номер телефона", ANSWER_CODE}, {"серийный номер", ANSWER_CODE},
    {"电话号码", ANSWER_CODE}, {"رقم هاتف", ANSWER_CODE}, {"رقم الهاتف", ANSWER_CODE},
    {"why", ANSWER_WHY}, {"warum", ANSWER_WHY}, {"weshalb", ANSWER_WHY}, {"wieso", ANSWER_WHY},
    {"por qué", ANSWER_WHY}, {"pourquoi", ANSWER_WHY}, {"почему", ANSWER_WHY}, {"为什么", ANSWER_WHY},
    {"لماذا", ANSWER_WHY},
    /* Italian */
    {"quanto costa~", ANSWER_MONEY}, {"quanto costano", ANSWER_MONEY}, {"quanto costerà", ANSWER_MONEY}, {"quanto è costat~", ANSWER_MONEY},
    {"quanto si paga", ANSWER_MONEY}, {"che prezzo", ANSWER_MONEY}, {"qual è il prezzo", ANSWER_MONEY}, {"che percentuale", ANSWER_SHARE},
    {"quale percentuale", ANSWER_SHARE}, {"che ora", ANSWER_TIME}, {"che ore", ANSWER_TIME}, {"quanti", ANSWER_COUNT}, {"quante", ANSWER_COUNT},
    {"quanto", ANSWER_MEASURE}, {"quanta", ANSWER_MEASURE}, {"quando", ANSWER_DATE}, {"quand è", ANSWER_DATE}, {"che anno", ANSWER_DATE},
    {"quale anno", ANSWER_DATE}, {"che giorno", ANSWER_DATE}, {"quale giorno", ANSWER_DATE}, {"che data", ANSWER_DATE}, {"quale data", ANSWER_DATE},
    {"che mese", ANSWER_DATE}, {"chi", ANSWER_WHO}, {"dove", ANSWER_WHERE}, {"dov è", ANSWER_WHERE}, {"perché", ANSWER_WHY},
    {"numero di telefono", ANSWER_CODE}, {"numero di serie", ANSWER_CODE}, {"che temperatura", ANSWER_MEASURE},
    {"quanto tempo", ANSWER_MEASURE}, {"ogni quanto", ANSWER_OTHER},
    /* French, Spanish and German as people say it */
    {"combien coûtai~", ANSWER_MONEY}, {"combien ça coûte", ANSWER_MONEY}, {"combien a coûté", ANSWER_MONEY}, {"combien vaut", ANSWER_MONEY},
    {"combien de temps", ANSWER_MEASURE}, {"combien d argent", ANSWER_MONEY}, {"combien mesure", ANSWER_MEASURE}, {"combien dure", ANSWER_MEASURE},
    {"combien gagne", ANSWER_MONEY}, {"combien paie~", ANSWER_MONEY}, {"combien faut il payer", ANSWER_MONEY}, {"quelle durée", ANSWER_MEASURE},
    {"quelle température", ANSWER_MEASURE}, {"quelle pression", ANSWER_MEASURE}, {"quelle hauteur", ANSWER_MEASURE}, {"quelles heures", ANSWER_TIME},
    {"cuánto vale~", ANSWER_MONEY}, {"cuánto se paga", ANSWER_MONEY}, {"cuánto hay que pagar", ANSWER_MONEY}, {"cuánto gana", ANSWER_MONEY},
    {"cuánto tiempo", ANSWER_MEASURE}, {"cuánto dura~", ANSWER_MEASURE}, {"cuánto tarda~", ANSWER_MEASURE}, {"cada cuánto", ANSWER_OTHER},
    {"a cuánto", ANSWER_MEASURE}, {"welche uhrzeit", ANSWER_TIME}, {"welcher uhrzeit", ANSWER_TIME}, {"wie viel geld", ANSWER_MONEY},
    {"was zahlt", ANSWER_MONEY}, {"was zahle", ANSWER_MONEY}, {"was muss * zahlen", ANSWER_MONEY}, {"wie oft", ANSWER_OTHER}, {"welchen tag", ANSWER_DATE},
    {"welcher tag", ANSWER_DATE}, {"welchen monat", ANSWER_DATE},
    /* Russian */
    {"какова арендная плата", ANSWER_MONEY}, {"какая арендная плата", ANSWER_MONEY}, {"какая цена", ANSWER_MONEY}, {"какая стоимость", ANSWER_MONEY},
    {"почём", ANSWER_MONEY}, {"какая зарплата", ANSWER_MONEY}, {"во сколько", ANSWER_TIME}, {"который час", ANSWER_TIME}, {"в котором часу", ANSWER_TIME},
    {"сколько времени", ANSWER_MEASURE}, {"сколько лет", ANSWER_MEASURE}, {"сколько весит", ANSWER_MEASURE}, {"сколько длится", ANSWER_MEASURE},
    {"какой процент", ANSWER_SHARE}, {"каком году", ANSWER_DATE}, {"какого числа", ANSWER_DATE}, {"какой день", ANSWER_DATE}, {"какого года", ANSWER_DATE},
    {"кого", ANSWER_WHO}, {"кому", ANSWER_WHO}, {"кем", ANSWER_WHO}, {"куда", ANSWER_WHERE}, {"каком городе", ANSWER_WHERE}, {"зачем", ANSWER_WHY},
    /* Chinese; with a blank behind them: at the end of the question */
    {"多少人", ANSWER_COUNT}, {"多少个", ANSWER_COUNT}, {"多少名", ANSWER_COUNT}, {"多少位", ANSWER_COUNT}, {"多少次", ANSWER_COUNT}, {"多少票", ANSWER_COUNT},
    {"多少户", ANSWER_COUNT}, {"多少家", ANSWER_COUNT}, {"多少种", ANSWER_COUNT}, {"多少场", ANSWER_COUNT}, {"多少座", ANSWER_COUNT}, {"多少只", ANSWER_COUNT}, {"多少箱", ANSWER_COUNT},
    {"多少台", ANSWER_COUNT}, {"多少辆", ANSWER_COUNT}, {"多少所", ANSWER_COUNT}, {"多少学生", ANSWER_COUNT}, {"多久", ANSWER_MEASURE}, {"多长", ANSWER_MEASURE}, {"多大", ANSWER_MEASURE}, {"多高", ANSWER_MEASURE},
    {"多重", ANSWER_MEASURE}, {"多远", ANSWER_MEASURE}, {"多深", ANSWER_MEASURE}, {"多宽", ANSWER_MEASURE}, {"多快", ANSWER_MEASURE},
    {"多少岁", ANSWER_MEASURE}, {"几岁", ANSWER_MEASURE}, {"多少年", ANSWER_MEASURE}, {"多少元", ANSWER_MONEY}, {"多少美元", ANSWER_MONEY},
    {"百分之几", ANSWER_SHARE}, {"百分之多少", ANSWER_SHARE}, {"几点钟", ANSWER_TIME}, {"什么时间", ANSWER_DATE}, {"哪天", ANSWER_DATE},
    {"哪一天", ANSWER_DATE}, {"哪月", ANSWER_DATE}, {"几号", ANSWER_DATE}, {"哪个年份", ANSWER_DATE}, {"什么日期", ANSWER_DATE}, {"什么年份", ANSWER_DATE},
    {"在哪一年", ANSWER_DATE}, {"在哪年", ANSWER_DATE}, {"在哪天", ANSWER_DATE}, {"在哪一天", ANSWER_DATE}, {"在哪个月", ANSWER_DATE},
    {"在哪个世纪", ANSWER_DATE}, {"哪个世纪", ANSWER_DATE}, {"在哪个", ANSWER_OTHER}, {"在哪些", ANSWER_OTHER}, {"在哪种", ANSWER_OTHER},
    {"在哪场", ANSWER_OTHER}, {"在哪方面", ANSWER_OTHER}, {"在哪个城市", ANSWER_WHERE}, {"在哪个国家", ANSWER_WHERE}, {"在哪座城市", ANSWER_WHERE},
    {"多古老", ANSWER_MEASURE}, {"哪个人", ANSWER_WHO}, {"什么人", ANSWER_WHO}, {"何人", ANSWER_WHO}, {"哪儿", ANSWER_WHERE}, {"何处", ANSWER_WHERE}, {"何地", ANSWER_WHERE},
    {"什么地方", ANSWER_WHERE}, {"哪座城市", ANSWER_WHERE}, {"哪个城市", ANSWER_WHERE}, {"哪个国家", ANSWER_WHERE}, {"电话是", ANSWER_CODE},
    {"为何", ANSWER_WHY}, {"什么原因", ANSWER_WHY},
};

/* Bits of answer_units_of. A pound is money or weight: it is of the class of others. */
#define BIT(c) (1u << (c))
#define SPAN   BIT(UNIT_SPAN)
#define LENGTH BIT(UNIT_LENGTH)
#define MASS   (BIT(UNIT_MASS) | BIT(UNIT_OTHER))
#define OTHER  BIT(UNIT_OTHER)

static const struct {
    const char *phrase;
    unsigned units;
} measures[] = {
    {"how long", SPAN | LENGTH}, {"wie lang", SPAN | LENGTH}, {"wie lange", SPAN}, {"how old", SPAN},
    {"how large", BIT(UNIT_AREA) | BIT(UNIT_VOLUME) | LENGTH | OTHER}, {"how big", BIT(UNIT_AREA) | BIT(UNIT_VOLUME) | LENGTH | OTHER},
    {"what age", SPAN}, {"wie alt", SPAN}, {"qué edad", SPAN}, {"quel âge", SPAN},
    {"combien de temps", SPAN}, {"cuánto tiempo", SPAN}, {"wie viel zeit", SPAN}, {"how much time", SPAN},
    {"how far", LENGTH}, {"how tall", LENGTH}, {"how deep", LENGTH}, {"how wide", LENGTH},
    {"how thick", LENGTH}, {"wie weit", LENGTH}, {"wie tief", LENGTH}, {"wie breit", LENGTH},
    {"how heavy", MASS}, {"what does * weigh", MASS}, {"what do * weigh", MASS},
    {"how much does * weigh", MASS}, {"how much do * weigh", MASS}, {"what is the weight", MASS},
    {"what weight", MASS}, {"was wiegt", MASS}, {"was wiegen", MASS}, {"wie viel wiegt", MASS},
    {"wie schwer", MASS}, {"cuánto pesa~", MASS}, {"combien pèse~", MASS},
    {"how hot", OTHER}, {"what temperature", OTHER}, {"welche temperatur", OTHER},
    {"welcher temperatur", OTHER}, {"wie warm", OTHER}, {"qué temperatura", OTHER}, {"what torque", OTHER},
    {"what pressure", OTHER}, {"welchem druck", OTHER},
    {"quanto tempo", SPAN}, {"quanti anni", SPAN}, {"combien dure", SPAN}, {"quelle durée", SPAN}, {"cuánto dura~", SPAN}, {"cuánto tarda~", SPAN},
    {"quelle température", OTHER}, {"che temperatura", OTHER}, {"quelle pression", OTHER}, {"quelle hauteur", LENGTH}, {"сколько времени", SPAN},
    {"сколько лет", SPAN}, {"сколько длится", SPAN}, {"сколько весит", MASS}, {"多久", SPAN}, {"多长时间", SPAN}, {"多长", LENGTH | SPAN},
    {"多古老", SPAN}, {"多少岁", SPAN}, {"几岁", SPAN}, {"多少年", SPAN}, {"多高", LENGTH}, {"多重", MASS}, {"多远", LENGTH}, {"多深", LENGTH}, {"多宽", LENGTH},
    {"工资", BIT(UNIT_MONEY) | BIT(UNIT_SHARE)}, {"薪水", BIT(UNIT_MONEY) | BIT(UNIT_SHARE)}, {"房租", BIT(UNIT_MONEY)}, {"租金", BIT(UNIT_MONEY)},
    {"价格", BIT(UNIT_MONEY)}, {"费用", BIT(UNIT_MONEY)}, {"年龄", SPAN}, {"比例", BIT(UNIT_SHARE)}, {"百分比", BIT(UNIT_SHARE)},
};

static const char *const yes_no_starts[] = {
    "is ", "are ", "was the ", "was there ", "was it ", "was he ", "was she ", "was a ", "were ", "does ", "do ", "did ", "can ", "could ", "may ", "must ", "has ",
    "have ", "will ", "should ", "ist ", "sind ", "hat ", "haben ", "kann ", "darf ", "muss ",
    "wird ", "gibt es ", "war ", "es ", "está ", "hay ", "puede ", "tiene ", "est-ce ", "è ", "sono ", "può ", "posso ", "si può ", "c è ", "могу ", "можно "};

/* The bytes of an apostrophe, a blank that does not break, or a full-width question mark or comma; else 0. */
static size_t sign_without_case(const char *s, size_t len)
{
    static const char *const signs[] = {"\u2019", "\u00A0", "\u202F", "\uFF1F", "\uFF0C", "\u3002"};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (len >= strlen(signs[i]) && !memcmp(s, signs[i], strlen(signs[i])))
            return strlen(signs[i]);
    return 0;
}

/* Small letters of ASCII, Latin-1 and basic Cyrillic; the Spanish opening mark and blanks become one
 * blank, with one at either end. */
static void fold_question(const char *s, size_t len, char out[QUESTION_MAX * 2 + 4])
{
    size_t n = 0;

    out[n++] = ' ';
    for (size_t i = 0; i < len && i < QUESTION_MAX; i++) {
        unsigned char c = (unsigned char)s[i], next = i + 1 < len ? (unsigned char)s[i + 1] : 0;
        if (c == 0xC2 && next == 0xBF) {
            i++;
            continue;
        }
        if (c == 0xC3 && next >= 0x80 && next <= 0x9E) {
            out[n++] = (char)c;
            out[n++] = (char)(next + 0x20);
            i++;
        } else if (c == 0xD0 && next >= 0x90 && next <= 0x9F) {
            out[n++] = (char)c;
            out[n++] = (char)(next + 0x20);
            i++;
        } else if (c == 0xD0 && next >= 0xA0 && next <= 0xAF) {
            out[n++] = (char)0xD1;
            out[n++] = (char)(next - 0x20);
            i++;
        } else if (sign_without_case(s + i, len - i)) {
            i += sign_without_case(s + i, len - i) - 1;
            if (out[n - 1] != ' ')
                out[n++] = ' ';
        } else if (c < 0x80 && !isalnum(c)) {
            if (out[n - 1] != ' ')
                out[n++] = ' ';
        } else {
            out[n++] = (char)(c < 0x80 ? tolower(c) : c);
        }
    }
    out[n++] = ' ';
    out[n] = '\0';
}

static bool bounded(const char *folded, const char *at, size_t n, bool open)
{
    if ((unsigned char)at[0] >= 0xE0) /* characters without blanks between words */
        return true;
    return (at == folded || at[-1] == ' ') && (open || at[n] == ' ' || at[n] == '\0');
}

/* Whether the phrase, where * stands for up to eight words, is in the folded question. */
static bool has_phrase(const char *folded, const char *phrase)
{
    const char *star = strstr(phrase, " *");
    size_t n = star ? (size_t)(star - phrase) : strlen(phrase);
    bool open = !star && phrase[n - 1] == '~';
    char head[64];

    if (open)
        n--;
    memcpy(head, phrase, n);
    head[n] = '\0';
    for (const char *p = folded; (p = strstr(p, head)); p++) {
        if (!bounded(folded, p, n, open))
            continue;
        if (!star)
            return true;
        return has_phrase(p + n, star + 3);
    }
    return false;
}

/* Whether "when" or "where" at `at` only joins two clauses: "What sea was in the east when he died?", "When people
 * are arrested, what do they do?". At the end it asks: "What was founded when?" */
static bool joins_clauses(const char *phrase, const char *question, size_t len, const char *folded, const char *at)
{
    static const char *const asking[] = {"what ", "which ", "whose ", "how "};
    size_t n = strlen(phrase);

    if ((strcmp(phrase, "when") != 0 && strcmp(phrase, "where") != 0) ||
        !at[n + strspn(at + n, " ")])
        return false;
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++) {
        size_t m = strlen(asking[i]);
        if (at > folded + 1 && !strncmp(folded + 1, asking[i], m))
            return true;
        for (size_t c = 0; at == folded + 1 && c + 2 + m <= len; c++)
            if (!memcmp(question + c, ", ", 2) && !strncasecmp(question + c + 2, asking[i], m))
                return true;
    }
    return false;
}

/* Whether "who", "where" or "when" within a statement belongs to a noun, and something else is asked behind it: "It was built by a man who wrote
 * what book?" */
static bool is_relative(const char *phrase, const char *folded, const char *at)
{
    static const char *const relatives[] = {"who", "whom", "whose", "where", "when"}, *const asking[] = {"what", "which", "how"},
                      *const before[] = {"in ", "on ", "at ", "during ", "after ", "before ", "for ", "by ", "from ", "to ", "since ", "under ", "of ", "with "};
    bool relative = false, later = false;
    size_t words = 0;

    for (size_t i = 0; i < sizeof relatives / sizeof *relatives; i++)
        relative |= !strcmp(phrase, relatives[i]);
    for (const char *p = folded + 1; p < at; p++)
        words += *p == ' ';
    for (size_t i = 0; relative && i < sizeof before / sizeof *before; i++)
        relative = strncmp(folded + 1, before[i], strlen(before[i])) != 0;
    for (size_t i = 0; relative && i < sizeof asking / sizeof *asking; i++) {
        later |= has_phrase(at, asking[i]);
        for (const char *p = folded; relative && (p = strstr(p, asking[i])) && p < at; p++)
            relative = !bounded(folded, p, strlen(asking[i]), false);
    }
    return relative && later && words > 2;
}

answer_type answer_type_of(const char *question, size_t len)
{
    char folded[QUESTION_MAX * 2 + 4];
    size_t best_at = sizeof folded, best_len = 0;
    answer_type best = ANSWER_OTHER;

    fold_question(question, len, folded);
    for (size_t i = 0; i < sizeof yes_no_starts / sizeof *yes_no_starts; i++)
        if (!strncmp(folded + 1, yes_no_starts[i], strlen(yes_no_starts[i])) &&
            !has_phrase(folded, "or") && !has_phrase(folded, "oder"))
            return ANSWER_YES_NO;
    if (has_phrase(folded, "多久") && (has_phrase(folded, "一次") || has_phrase(folded, "一回"))) /* how often */
        return ANSWER_OTHER;
    /* The phrase that comes first in the question asks; of those at one place the longest. */
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        const char *star = strstr(phrases[i].phrase, " *"), *at;
        size_t n = strlen(phrases[i].phrase);
        char head[64];
        if (!has_phrase(folded, phrases[i].phrase))
            continue;
        size_t h = star ? (size_t)(star - phrases[i].phrase) : n - (phrases[i].phrase[n - 1] == '~');
        memcpy(head, phrases[i].phrase, h);
        head[h] = '\0';
        at = folded;
        while ((at = strstr(at, head)) && !bounded(folded, at, h, true))
            at++;
        if (!at || joins_clauses(phrases[i].phrase, question, len, folded, at) ||
            is_relative(phrases[i].phrase, folded, at))
            continue;
        if ((size_t)(at - folded) < best_at || ((size_t)(at - folded) == best_at && n > best_len)) {
            best_at = (size_t)(at - folded);
            best_len = n;
            best = phrases[i].type;
        }
    }
    return best;
}

/* "多少平方米", "几天": the unit stands right behind. */
static unsigned counted_by_characters(const char *question, size_t len)
{
    static const char *const asks[] = {"多少", "几"};

    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        const char *at = memmem(question, len, asks[i], strlen(asks[i]));
        uint16_t unit;
        unit_class class;
        size_t from = at ? (size_t)(at - question) + strlen(asks[i]) : len;
        if (at && quantity_unit_at(question, len, from, &unit, &class) > from && unit)
            return BIT(class);
    }
    return 0;
}

unsigned answer_units_of(const char *question, size_t len)
{
    char folded[QUESTION_MAX * 2 + 4];

    answer_type type = answer_type_of(question, len);

    unsigned counted = type == ANSWER_COUNT || type == ANSWER_MEASURE ? counted_by_characters(question, len) : 0;

    if (counted || type == ANSWER_COUNT)
        return counted;
    if (type != ANSWER_MEASURE && type != ANSWER_CODE)
        return 0;
    fold_question(question, len, folded);
    if (type == ANSWER_CODE)
        return has_phrase(folded, "e mail address") || has_phrase(folded, "email address") ||
                       has_phrase(folded, "e mail adresse") || has_phrase(folded, "mailadresse") ||
                       has_phrase(folded, "adresse e mail")
                   ? ANSWER_MAIL
                   : 0;
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        if (has_phrase(folded, measures[i].phrase))
            return measures[i].units;
    return 0;
}

bool answer_asks_month(const char *question, size_t len)
{
    static const char *const parts[] = {"what month", "which month", "what day",   "which day", "welchem monat",
                                        "welchen monat", "welcher monat", "welchem tag", "welchen tag", "qué mes",
                                        "qué día",    "quel mois",   "quel jour",  "каком месяце", "哪个月", "几月", "哪天", "哪一天", "几号", "che giorno", "quale giorno", "che mese"};
    char folded[QUESTION_MAX * 2 + 4];

    fold_question(question, len, folded);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (has_phrase(folded, parts[i]))
            return true;
    return false;
}

const char *answer_type_name(answer_type t)
{
    static const char *const names[ANSWER_TYPES] = {"other", "count", "money", "share", "measure",
                                                    "date",  "time",  "who",   "where", "why",
                                                    "yes-no", "code"};

    return (size_t)t < ANSWER_TYPES ? names[t] : "other";
}

bool answer_names_visible(const char *lang)
{
    static const char *const hidden[] = {"zh", "ja", "ko", "ar", "he", "th", "hi", "fa", "de"};

    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (!strcmp(lang, hidden[i]))
            return false;
    return true;
}

/* ---- mentions ---- */

static size_t end_of_word(const char *s, size_t len, size_t at)
{
    while (at < len && (isalnum((unsigned char)s[at]) || (unsigned char)s[at] >= 0x80 ||
                        ((s[at] == '-' || s[at] == '\'') && at + 1 < len &&
                         (isalnum((unsigned char)s[at + 1]) || (unsigned char)s[at + 1] >= 0x80))))
        at++;
    return at;
}

/* Small words that may stand inside a name. */
static bool joins_names(const char *s, size_t len)
{
    static const char *const all[] = {"of", "de", "del", "la", "von", "van", "der", "den", "the",
                                      "y", "and", "und", "&", "du", "da", "di"};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i]) == len && !memcmp(all[i], s, len))
            return true;
    return false;
}

/* The run of capitalised words that begins at s[at]; joining words count when a capital follows. */
static size_t name_end(const char *s, size_t len, size_t at)
{
    size_t end = end_of_word(s, len, at);

    for (;;) {
        size_t p = end, q;
        if (p < len && s[p] == '.' && end - at <= 3) /* "J. Smith", "Dr. Smith" */
            p++;
        if (p >= len || s[p] != ' ')
            return end;
        p++;
        if (p < len && is_capital(s + p, len - p)) {
            end = end_of_word(s, len, p);
            continue;
        }
        q = end_of_word(s, len, p);
        if (q == p && p < len && s[p] == '&')
            q++;
        if (q == p || !joins_names(s + p, q - p) || q >= len || s[q] != ' ' || q + 1 >= len ||
            !is_capital(s + q + 1, len - q - 1))
            return end;
        end = end_of_word(s, len, q + 1);
    }
}

static bool fits(answer_type t, unsigned units, const quantity *q)
{
    switch (t) {
    case ANSWER_COUNT: /* of days, where units says so, or of things */
        return q->kind == QUANTITY_NUMBER &&
               (q->class == UNIT_NONE || (units ? (units & 1u << q->class) != 0 : q->class == UNIT_OTHER));
    case ANSWER_MONEY:
        return q->kind == QUANTITY_NUMBER && q->class == UNIT_MONEY;
    case ANSWER_SHARE:
        return q->kind == QUANTITY_NUMBER && q->class == UNIT_SHARE;
    case ANSWER_MEASURE:
        return q->kind == QUANTITY_NUMBER &&
               (!units || q->class == UNIT_NONE || (units & 1u << q->class));
    case ANSWER_DATE:
        return q->kind == QUANTITY_DATE || q->year_like;
    case ANSWER_TIME:
        return q->kind == QUANTITY_TIME;
    default:
        return false;
    }
}

/* "the 1950s", "13,000 BP", "44 BC": a number that what stands behind it makes a time. */
static bool in_era(const char *text, size_t len, const quantity *q)
{
    static const char *const eras[] = {"s ", "s,", "s.", "s)", "'s", "er Jahre", " BP", " BC", " BCE", " CE", " AD", " v. Chr", " n. Chr",
                                       " a. C", " av. J", " ap. J", " до н"};

    if (q->kind != QUANTITY_NUMBER || q->end > len)
        return false;
    if (q->unit == U_CENTURY || q->unit == U_DECADE)
        return true;
    if (q->end - q->start == 5 && text[q->end - 1] == 's' && strspn(text + q->start, "0123456789") == 4)
        return true;
    for (size_t i = 0; i < sizeof eras / sizeof *eras; i++) {
        size_t n = strlen(eras[i]);
        if (n <= len - q->end && !memcmp(text + q->end, eras[i], n) && (i > 4 || q->end - q->start == 4))
            return true;
    }
    return q->end - q->start == 4 && len - q->end == 1 && text[q->end] == 's';
}

/* "2 Warranty": the number of a heading, not of anything in it. */
static bool numbers_heading(const char *text, size_t len, const quantity *q)
{
    size_t at = 0;

    while (at < len && isspace((unsigned char)text[at]))
        at++;
    return q->start == at && q->end - at <= 2 && q->class == UNIT_NONE && !memchr(text, '|', len) &&
           !memchr(text, '.', len) && !memchr(text, ':', len);
}

static bool in_date(size_t start, size_t end, const quantity *quantities, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (quantities[i].kind == QUANTITY_DATE && start >= quantities[i].start && end <= quantities[i].end)
            return true;
    return false;
}

/* A digit of European or Arabic writing at s[at], in bytes; 0: none. */
static size_t digit_len(const char *s, size_t len, size_t at)
{
    if (isdigit((unsigned char)s[at]))
        return 1;
    return at + 1 < len && (unsigned char)s[at] == 0xD9 && (unsigned char)s[at + 1] >= 0xA0 && (unsigned char)s[at + 1] <= 0xA9 ? 2
                                                                                                                               : 0;
}

/* The signs from s[at] on that belong together: letters, digits and what joins them, groups of digits across a blank.
 * *digits: how many; *mail: there is an @ in them. */
static size_t code_end(const char *s, size_t len, size_t at, size_t *digits, bool *mail)
{
    size_t end = at;

    *digits = 0;
    *mail = false;
    while (end < len) {
        size_t d = digit_len(s, len, end);
        bool grouped = s[end] == ' ' && end > at && end + 1 < len && (isdigit((unsigned char)s[end - 1]) || s[end - 1] == ')') &&
                       (isdigit((unsigned char)s[end + 1]) || s[end + 1] == '(');
        *digits += d > 0;
        *mail |= s[end] == '@' && end > at;
        if (!d && !grouped && !isalnum((unsigned char)s[end]) && (unsigned char)s[end] < 0x80 && !strchr("+-/.():_@", s[end]))
            break;
        end += d ? d : 1;
    }
    while (end > at && strchr(".:(-/", s[end - 1]))
        end--;
    return end;
}

/* Telephone numbers, codes, addresses of mail: signs with two digits or more that are no date, time or sum. */
static void find_codes(unsigned units, const char *text, size_t len, const quantity *q, size_t n_q, text_span *out, size_t *n)
{
    for (size_t i = 0; i < len;) {
        bool mail, value = false;
        size_t digits, end = code_end(text, len, i, &digits, &mail);
        for (size_t k = 0; k < n_q; k++)
            value |= q[k].start < end && q[k].end > i &&
                     (q[k].kind != QUANTITY_NUMBER || (q[k].class != UNIT_NONE && q[k].class != UNIT_OTHER));
        if (end > i && (units & ANSWER_MAIL ? mail : digits >= 2 && !mail && !value))
            out[(*n)++] = (text_span){i, end};
        i = end > i ? end : i + 1;
    }
}

cairn_status answer_mentions(answer_type t, unsigned units, const char *text, size_t len,
                             const quantity *quantities, size_t n_quantities, arena *a,
                             text_span **out, size_t *n, cairn_error *err)
{
    size_t most = n_quantities + len / 2 + 1;

    *n = 0;
    *out = NULL;
    if (t == ANSWER_WHO || t == ANSWER_WHERE || t == ANSWER_CODE) {
        *out = arena_alloc(a, most * sizeof **out);
        if (!*out)
            return cairn_fail(err, CAIRN_ENOMEM, "mentions");
        if (t == ANSWER_CODE) {
            find_codes(units, text, len, quantities, n_quantities, *out, n);
            return CAIRN_OK;
        }
        for (size_t i = 0; i < len;) {
            size_t end = end_of_word(text, len, i);
            if (end == i) {
                i++;
            } else if (is_capital(text + i, len - i)) {
                end = name_end(text, len, i);
                if (!in_date(i, end, quantities, n_quantities)) /* "3 June 2025" names nobody */
                    (*out)[(*n)++] = (text_span){i, end};
                i = end;
            } else {
                i = end;
            }
        }
        return CAIRN_OK;
    }
    *out = arena_alloc(a, (n_quantities + 1) * sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "mentions");
    for (size_t i = 0; i < n_quantities; i++)
        if ((fits(t, units, &quantities[i]) || (t == ANSWER_DATE && in_era(text, len, &quantities[i]))) &&
            !(t == ANSWER_MEASURE && units && numbers_heading(text, len, &quantities[i])))
            (*out)[(*n)++] = (text_span){quantities[i].start, quantities[i].end};
    if (t != ANSWER_DATE || *n)
        return CAIRN_OK;
    *out = arena_alloc(a, most * sizeof **out); /* no date: "at the end of June" */
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "mentions");
    *n = vague_times(text, len, quantities, n_quantities, *out, most);
    return CAIRN_OK;
}
