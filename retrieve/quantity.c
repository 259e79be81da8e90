/* quantity.c - see quantity.h. One pass from left to right; at each word or digit the longest
 * reading wins: date, time, number with its unit. */
#include "retrieve/quantity.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/utf8.h"

#define MAX_QUANTITIES 4096 /* of one text; more are left out */
#define WORD_MAX       40

/* ---- words ---- */

/* The next word s[at, end): ASCII letters and any bytes of other scripts. */
static size_t word_end(const char *s, size_t len, size_t at)
{
    while (at < len && (isalpha((unsigned char)s[at]) || (unsigned char)s[at] >= 0x80)) {
        /* The unbreakable space and the CJK characters end a word of letters. */
        if ((unsigned char)s[at] == 0xC2 || (unsigned char)s[at] >= 0xE2)
            break;
        at++;
    }
    return at;
}

/* Small letters; false when it is too long to be known. */
static bool fold(const char *s, size_t len, char out[WORD_MAX])
{
    if (len >= WORD_MAX)
        return false;
    utf8_fold_latin(s, len, out);
    return true;
}

static size_t skip_blank(const char *s, size_t len, size_t at)
{
    for (;;) {
        if (at < len && (s[at] == ' ' || s[at] == '\t'))
            at++;
        else if (at + 1 < len && !memcmp(s + at, "\xC2\xA0", 2))
            at += 2;
        else if (at + 2 < len && !memcmp(s + at, "\xE2\x80\xAF", 3))
            at += 3;
        else
            return at;
    }
}

static const struct {
    const char *name;
    int month;
} months[] = {
    {"january", 1},   {"february", 2},  {"march", 3},      {"april", 4},     {"may", 5},
    {"june", 6},      {"july", 7},      {"august", 8},     {"september", 9}, {"october", 10},
    {"november", 11}, {"december", 12}, {"jan", 1},        {"feb", 2},       {"mar", 3},
    {"apr", 4},       {"jun", 6},       {"jul", 7},        {"aug", 8},       {"sep", 9},
    {"sept", 9},      {"oct", 10},      {"nov", 11},       {"dec", 12},      {"januar", 1},
    {"februar", 2},   {"märz", 3},      {"mai", 5},        {"juni", 6},      {"juli", 7},
    {"oktober", 10},  {"dezember", 12}, {"okt", 10},       {"dez", 12},      {"jänner", 1},
    {"enero", 1},     {"febrero", 2},   {"marzo", 3},      {"abril", 4},     {"mayo", 5},
    {"junio", 6},     {"julio", 7},     {"agosto", 8},     {"septiembre", 9}, {"octubre", 10},
    {"noviembre", 11}, {"diciembre", 12}, {"janvier", 1},  {"février", 2},   {"mars", 3},
    {"avril", 4},     {"juin", 6},      {"juillet", 7},    {"août", 8},      {"septembre", 9},
    {"octobre", 10},  {"novembre", 11}, {"décembre", 12},
};

static int month_at(const char *s, size_t len, size_t at, size_t *end)
{
    char word[WORD_MAX];

    *end = word_end(s, len, at);
    if (*end - at < 3 || !fold(s + at, *end - at, word))
        return 0;
    for (size_t i = 0; i < sizeof months / sizeof *months; i++)
        if (!strcmp(word, months[i].name))
            return months[i].month;
    return 0;
}

static const struct {
    const char *word;
    double value;
} numerals[] = {
    {"zero", 0},     {"one", 1},      {"two", 2},       {"three", 3},    {"four", 4},
    {"five", 5},     {"six", 6},      {"seven", 7},     {"eight", 8},    {"nine", 9},
    {"ten", 10},     {"eleven", 11},  {"twelve", 12},   {"thirteen", 13}, {"fourteen", 14},
    {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19},
    {"twenty", 20},  {"thirty", 30},  {"forty", 40},    {"fifty", 50},   {"sixty", 60},
    {"seventy", 70}, {"eighty", 80},  {"ninety", 90},   {"null", 0},     {"zwei", 2},
    {"drei", 3},     {"vier", 4},     {"fünf", 5},      {"sechs", 6},    {"sieben", 7},
    {"acht", 8},     {"neun", 9},     {"zehn", 10},     {"elf", 11},     {"zwölf", 12},
    {"dreizehn", 13}, {"vierzehn", 14}, {"fünfzehn", 15}, {"sechzehn", 16}, {"siebzehn", 17},
    {"achtzehn", 18}, {"neunzehn", 19}, {"zwanzig", 20}, {"dreißig", 30}, {"vierzig", 40},
    {"fünfzig", 50}, {"sechzig", 60}, {"siebzig", 70},  {"achtzig", 80}, {"neunzig", 90},
    {"dos", 2},      {"tres", 3},     {"cuatro", 4},    {"cinco", 5},    {"seis", 6},
    {"siete", 7},    {"ocho", 8},     {"nueve", 9},     {"diez", 10},    {"once", 11},
    {"doce", 12},    {"quince", 15},  {"veinte", 20},   {"treinta", 30}, {"cuarenta", 40},
    {"cincuenta", 50}, {"sesenta", 60}, {"setenta", 70}, {"ochenta", 80}, {"noventa", 90},
    {"deux", 2},     {"trois", 3},    {"quatre", 4},    {"cinq", 5},     {"sept", 7},
    {"huit", 8},     {"neuf", 9},     {"dix", 10},      {"onze", 11},    {"douze", 12},
    {"vingt", 20},   {"trente", 30},  {"quarante", 40}, {"cinquante", 50}, {"cent", 100},
    {"два", 2},      {"две", 2},      {"двух", 2},      {"три", 3},      {"трех", 3},
    {"трёх", 3},     {"четыре", 4},   {"четырех", 4},   {"четырёх", 4},  {"пять", 5},
    {"пяти", 5},     {"шесть", 6},    {"шести", 6},     {"семь", 7},     {"семи", 7},
    {"восемь", 8},   {"восьми", 8},   {"девять", 9},    {"девяти", 9},   {"десять", 10},
    {"десяти", 10},  {"одиннадцать", 11}, {"двенадцать", 12}, {"тринадцать", 13}, {"четырнадцать", 14},
    {"пятнадцать", 15}, {"шестнадцать", 16}, {"семнадцать", 17}, {"восемнадцать", 18}, {"девятнадцать", 19},
    {"двадцать", 20}, {"двадцати", 20}, {"тридцать", 30}, {"тридцати", 30}, {"сорок", 40},
    {"пятьдесят", 50}, {"шестьдесят", 60}, {"семьдесят", 70}, {"восемьдесят", 80}, {"девяносто", 90},
};

/* Words that multiply the number before them, or stand for one themselves. */
static const struct {
    const char *word;
    double factor;
} scales[] = {
    {"hundred", 100},   {"thousand", 1e3},  {"million", 1e6},   {"millions", 1e6},
    {"billion", 1e9},   {"trillion", 1e12}, {"hundert", 100},   {"tausend", 1e3},
    {"millionen", 1e6}, {"mio", 1e6},       {"milliarde", 1e9}, {"milliarden", 1e9},
    {"mrd", 1e9},       {"cien", 100},      {"mil", 1e3},       {"millón", 1e6},
    {"millones", 1e6},  {"mille", 1e3},     {"milliard", 1e9},  {"milliards", 1e9},
    {"сто", 100},       {"тысяча", 1e3},    {"тысячи", 1e3},    {"тысяч", 1e3},
    {"миллион", 1e6},   {"миллиона", 1e6},  {"миллионов", 1e6}, {"миллиард", 1e9},
};

static double scale_of(const char *word)
{
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        if (!strcmp(word, scales[i].word))
            return scales[i].factor;
    return 0;
}

static bool numeral(const char *word, double *value)
{
    const char *und = strstr(word, "und");

    for (size_t i = 0; i < sizeof numerals / sizeof *numerals; i++)
        if (!strcmp(word, numerals[i].word)) {
            *value = numerals[i].value;
            return true;
        }
    if (und && und > word) { /* einundzwanzig */
        char ones[WORD_MAX];
        double unit, tens;
        memcpy(ones, word, (size_t)(und - word));
        ones[und - word] = '\0';
        if (!strcmp(ones, "ein"))
            unit = 1;
        else if (!numeral(ones, &unit))
            return false;
        if (unit < 10 && numeral(und + 3, &tens) && tens >= 20) {
            *value = unit + tens;
            return true;
        }
    }
    return false;
}

/* ---- units ---- */

enum {
    U_EUR = 1, U_USD, U_GBP, U_CHF, U_JPY, U_CNY, U_RUB, U_SHARE,
    U_SECOND, U_MINUTE, U_HOUR, U_DAY, U_WEEK, U_MONTH, U_YEAR,
    U_MM, U_CM, U_M, U_KM, U_INCH, U_FOOT, U_MILE, U_UM,
    U_M2, U_KM2, U_HA, U_ACRE, U_L, U_ML, U_M3, U_G, U_KG, U_MG, U_TONNE, U_POUND, U_OUNCE,
    U_NM, U_CELSIUS, U_FAHRENHEIT, U_W, U_KW, U_KWH, U_V, U_A, U_BAR, U_DB, U_HZ, U_MHZ, U_GHZ,
    U_KMH, U_RPM, U_KB, U_MB, U_GB, U_TB, U_POINT, U_FT2, U_MI2
};

static const struct {
    const char *word; /* folded; with capitals where case matters (never folded then) */
    uint16_t unit;
    unit_class class;
} units[] = {
    {"€", U_EUR, UNIT_MONEY}, {"eur", U_EUR, UNIT_MONEY}, {"euro", U_EUR, UNIT_MONEY},
    {"euros", U_EUR, UNIT_MONEY}, {"$", U_USD, UNIT_MONEY}, {"usd", U_USD, UNIT_MONEY},
    {"dollar", U_USD, UNIT_MONEY}, {"dollars", U_USD, UNIT_MONEY}, {"dólares", U_USD, UNIT_MONEY},
    {"£", U_GBP, UNIT_MONEY}, {"gbp", U_GBP, UNIT_MONEY}, {"pounds", U_POUND, UNIT_OTHER},
    {"chf", U_CHF, UNIT_MONEY}, {"franken", U_CHF, UNIT_MONEY}, {"francs", U_CHF, UNIT_MONEY},
    {"¥", U_JPY, UNIT_MONEY}, {"yen", U_JPY, UNIT_MONEY}, {"元", U_CNY, UNIT_MONEY},
    {"руб", U_RUB, UNIT_MONEY}, {"рублей", U_RUB, UNIT_MONEY}, {"%", U_SHARE, UNIT_SHARE},
    {"percent", U_SHARE, UNIT_SHARE}, {"per cent", U_SHARE, UNIT_SHARE},
    {"prozent", U_SHARE, UNIT_SHARE}, {"por ciento", U_SHARE, UNIT_SHARE},
    {"pour cent", U_SHARE, UNIT_SHARE}, {"процентов", U_SHARE, UNIT_SHARE},
    {"s", U_SECOND, UNIT_SPAN}, {"second", U_SECOND, UNIT_SPAN}, {"seconds", U_SECOND, UNIT_SPAN},
    {"sekunde", U_SECOND, UNIT_SPAN}, {"sekunden", U_SECOND, UNIT_SPAN},
    {"segundos", U_SECOND, UNIT_SPAN}, {"secondes", U_SECOND, UNIT_SPAN},
    {"min", U_MINUTE, UNIT_SPAN}, {"minute", U_MINUTE, UNIT_SPAN}, {"minutes", U_MINUTE, UNIT_SPAN},
    {"minuten", U_MINUTE, UNIT_SPAN}, {"minutos", U_MINUTE, UNIT_SPAN},
    {"h", U_HOUR, UNIT_SPAN}, {"hour", U_HOUR, UNIT_SPAN}, {"hours", U_HOUR, UNIT_SPAN},
    {"stunde", U_HOUR, UNIT_SPAN}, {"stunden", U_HOUR, UNIT_SPAN}, {"horas", U_HOUR, UNIT_SPAN},
    {"hora", U_HOUR, UNIT_SPAN}, {"heures", U_HOUR, UNIT_SPAN}, {"heure", U_HOUR, UNIT_SPAN},
    {"day", U_DAY, UNIT_SPAN}, {"days", U_DAY, UNIT_SPAN}, {"tag", U_DAY, UNIT_SPAN},
    {"tage", U_DAY, UNIT_SPAN}, {"tagen", U_DAY, UNIT_SPAN}, {"día", U_DAY, UNIT_SPAN},
    {"días", U_DAY, UNIT_SPAN}, {"jour", U_DAY, UNIT_SPAN}, {"jours", U_DAY, UNIT_SPAN},
    {"дней", U_DAY, UNIT_SPAN}, {"week", U_WEEK, UNIT_SPAN}, {"weeks", U_WEEK, UNIT_SPAN},
    {"woche", U_WEEK, UNIT_SPAN}, {"wochen", U_WEEK, UNIT_SPAN}, {"semanas", U_WEEK, UNIT_SPAN},
    {"semana", U_WEEK, UNIT_SPAN}, {"semaines", U_WEEK, UNIT_SPAN}, {"month", U_MONTH, UNIT_SPAN},
    {"months", U_MONTH, UNIT_SPAN}, {"monat", U_MONTH, UNIT_SPAN}, {"monate", U_MONTH, UNIT_SPAN},
    {"monaten", U_MONTH, UNIT_SPAN}, {"mes", U_MONTH, UNIT_SPAN}, {"meses", U_MONTH, UNIT_SPAN},
    {"mois", U_MONTH, UNIT_SPAN}, {"year", U_YEAR, UNIT_SPAN}, {"years", U_YEAR, UNIT_SPAN},
    {"jahr", U_YEAR, UNIT_SPAN}, {"jahre", U_YEAR, UNIT_SPAN}, {"jahren", U_YEAR, UNIT_SPAN},
    {"año", U_YEAR, UNIT_SPAN}, {"años", U_YEAR, UNIT_SPAN}, {"ans", U_YEAR, UNIT_SPAN},
    {"mm", U_MM, UNIT_LENGTH}, {"millimetres", U_MM, UNIT_LENGTH}, {"millimeter", U_MM, UNIT_LENGTH},
    {"cm", U_CM, UNIT_LENGTH}, {"zentimeter", U_CM, UNIT_LENGTH}, {"m", U_M, UNIT_LENGTH},
    {"metre", U_M, UNIT_LENGTH}, {"metres", U_M, UNIT_LENGTH}, {"meter", U_M, UNIT_LENGTH},
    {"meters", U_M, UNIT_LENGTH}, {"metern", U_M, UNIT_LENGTH}, {"metros", U_M, UNIT_LENGTH},
    {"km", U_KM, UNIT_LENGTH}, {"kilometres", U_KM, UNIT_LENGTH}, {"kilometers", U_KM, UNIT_LENGTH},
    {"kilometer", U_KM, UNIT_LENGTH}, {"kilómetros", U_KM, UNIT_LENGTH},
    {"inch", U_INCH, UNIT_LENGTH}, {"inches", U_INCH, UNIT_LENGTH}, {"ft", U_FOOT, UNIT_LENGTH},
    {"feet", U_FOOT, UNIT_LENGTH}, {"foot", U_FOOT, UNIT_LENGTH}, {"mile", U_MILE, UNIT_LENGTH},
    {"miles", U_MILE, UNIT_LENGTH}, {"mi", U_MILE, UNIT_LENGTH}, {"µm", U_UM, UNIT_LENGTH},
    {"m²", U_M2, UNIT_AREA}, {"qm", U_M2, UNIT_AREA}, {"quadratmeter", U_M2, UNIT_AREA},
    {"quadratmetern", U_M2, UNIT_AREA}, {"m2", U_M2, UNIT_AREA}, {"sqm", U_M2, UNIT_AREA},
    {"square metre", U_M2, UNIT_AREA}, {"square metres", U_M2, UNIT_AREA}, {"square meter", U_M2, UNIT_AREA},
    {"square meters", U_M2, UNIT_AREA}, {"metros cuadrados", U_M2, UNIT_AREA}, {"mètres carrés", U_M2, UNIT_AREA},
    {"square feet", U_FT2, UNIT_AREA}, {"square foot", U_FT2, UNIT_AREA}, {"sq ft", U_FT2, UNIT_AREA},
    {"square miles", U_MI2, UNIT_AREA}, {"square kilometres", U_KM2, UNIT_AREA}, {"square kilometers", U_KM2, UNIT_AREA},
    {"quadratkilometer", U_KM2, UNIT_AREA}, {"cubic metres", U_M3, UNIT_VOLUME}, {"cubic meters", U_M3, UNIT_VOLUME},
    {"kubikmeter", U_M3, UNIT_VOLUME}, {"平方米", U_M2, UNIT_AREA}, {"km²", U_KM2, UNIT_AREA}, {"km2", U_KM2, UNIT_AREA},
    {"hectares", U_HA, UNIT_AREA}, {"hektar", U_HA, UNIT_AREA}, {"ha", U_HA, UNIT_AREA},
    {"acres", U_ACRE, UNIT_AREA}, {"l", U_L, UNIT_VOLUME}, {"liter", U_L, UNIT_VOLUME},
    {"litre", U_L, UNIT_VOLUME}, {"litres", U_L, UNIT_VOLUME}, {"liters", U_L, UNIT_VOLUME}, {"litros", U_L, UNIT_VOLUME},
    {"ml", U_ML, UNIT_VOLUME}, {"m³", U_M3, UNIT_VOLUME}, {"g", U_G, UNIT_MASS},
    {"gram", U_G, UNIT_MASS}, {"grams", U_G, UNIT_MASS}, {"gramm", U_G, UNIT_MASS},
    {"gramos", U_G, UNIT_MASS}, {"kg", U_KG, UNIT_MASS}, {"kilogram", U_KG, UNIT_MASS},
    {"kilograms", U_KG, UNIT_MASS}, {"kilogramm", U_KG, UNIT_MASS}, {"kilo", U_KG, UNIT_MASS},
    {"kilos", U_KG, UNIT_MASS}, {"mg", U_MG, UNIT_MASS}, {"tonnen", U_TONNE, UNIT_MASS},
    {"tonnes", U_TONNE, UNIT_MASS}, {"tons", U_TONNE, UNIT_MASS}, {"t", U_TONNE, UNIT_MASS},
    {"lbs", U_POUND, UNIT_MASS}, {"oz", U_OUNCE, UNIT_MASS}, {"nm", U_NM, UNIT_OTHER},
    {"°c", U_CELSIUS, UNIT_OTHER}, {"°", U_CELSIUS, UNIT_OTHER}, {"celsius", U_CELSIUS, UNIT_OTHER},
    {"°f", U_FAHRENHEIT, UNIT_OTHER}, {"w", U_W, UNIT_OTHER}, {"watt", U_W, UNIT_OTHER},
    {"watts", U_W, UNIT_OTHER}, {"kw", U_KW, UNIT_OTHER}, {"kwh", U_KWH, UNIT_OTHER},
    {"v", U_V, UNIT_OTHER}, {"volt", U_V, UNIT_OTHER}, {"a", U_A, UNIT_OTHER},
    {"bar", U_BAR, UNIT_OTHER}, {"db", U_DB, UNIT_OTHER}, {"hz", U_HZ, UNIT_OTHER},
    {"mhz", U_MHZ, UNIT_OTHER}, {"ghz", U_GHZ, UNIT_OTHER}, {"km/h", U_KMH, UNIT_OTHER},
    {"mph", U_MILE, UNIT_OTHER}, {"rpm", U_RPM, UNIT_OTHER}, {"kb", U_KB, UNIT_OTHER},
    {"mb", U_MB, UNIT_OTHER}, {"gb", U_GB, UNIT_OTHER}, {"tb", U_TB, UNIT_OTHER},
    {"points", U_POINT, UNIT_OTHER}, {"punkte", U_POINT, UNIT_OTHER},
};

/* The unit that begins at s[at], blanks before it allowed; the longest name wins. */
static size_t unit_at(const char *s, size_t len, size_t at, uint16_t *unit, unit_class *class)
{
    size_t p = skip_blank(s, len, at), best = 0;

    if (p == at && p < len && s[p] == '-') /* a 12-month guarantee */
        p++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = strlen(units[i].word);
        bool letters = isalpha((unsigned char)units[i].word[n - 1]);
        char word[WORD_MAX];
        if (n <= best || len - p < n || !fold(s + p, n, word) || strcmp(word, units[i].word))
            continue;
        if (letters && p + n < len &&
            (isalnum((unsigned char)s[p + n]) || (unsigned char)s[p + n] == 0xC3))
            continue;
        /* "A 12 a ...": a letter alone is a unit only right behind the number or one blank. */
        if (n == 1 && letters && p > at + 1)
            continue;
        if (!strcmp(units[i].word, "a") && s[p] != 'A')
            continue;
        best = n;
        *unit = units[i].unit;
        *class = units[i].class;
    }
    return best ? p + best : at;
}

/* A currency's sign or code right before the number. */
static size_t currency_before(const char *s, size_t at, uint16_t *unit)
{
    static const struct {
        const char *sign;
        uint16_t unit;
    } signs[] = {{"$", U_USD},   {"€", U_EUR},   {"£", U_GBP},   {"¥", U_JPY}, {"EUR", U_EUR},
                 {"USD", U_USD}, {"CHF", U_CHF}, {"GBP", U_GBP}};
    size_t p = at;

    if (p && s[p - 1] == ' ')
        p--;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t n = strlen(signs[i].sign);
        if (p >= n && !memcmp(s + p - n, signs[i].sign, n)) {
            *unit = signs[i].unit;
            return p - n;
        }
    }
    return at;
}

/* ---- digits ---- */

/* Up to `most` digits from s[*at] as a number; false when there is none or one more follows. */
static bool digits(const char *s, size_t len, size_t *at, size_t least, size_t most, int *out)
{
    size_t n = 0;

    *out = 0;
    while (*at + n < len && isdigit((unsigned char)s[*at + n])) {
        if (++n > most)
            return false;
        *out = *out * 10 + (s[*at + n - 1] - '0');
    }
    *at += n;
    return n >= least;
}

static bool plausible(int year, int month, int day)
{
    return year >= 0 && year <= 2999 && month >= 1 && month <= 12 && day >= 0 && day <= 31;
}

/* 2027-03-31, 31.03.2027, 3/4/2027, 2027年3月31日. */
static bool numeric_date(const char *s, size_t len, size_t at, quantity *q)
{
    int a, b, c;
    size_t p = at;
    char sign;

    if (!digits(s, len, &p, 1, 4, &a) || p >= len)
        return false;
    if (len - p > 3 && !memcmp(s + p, "\xE5\xB9\xB4", 3) && p - at == 4) { /* year */
        *q = (quantity){.kind = QUANTITY_DATE, .start = at, .end = p + 3, .year = a};
        size_t r = p + 3;
        if (digits(s, len, &r, 1, 2, &b) && len - r >= 3 && !memcmp(s + r, "\xE6\x9C\x88", 3)) {
            q->month = b;
            q->end = r += 3;
            if (digits(s, len, &r, 1, 2, &c) && len - r >= 3 && !memcmp(s + r, "\xE6\x97\xA5", 3)) {
                q->day = c;
                q->end = r + 3;
            }
        }
        return true;
    }
    sign = s[p++];
    if (!strchr("-./", sign) || !digits(s, len, &p, 1, 2, &b) || p >= len || s[p++] != sign ||
        !digits(s, len, &p, 2, 4, &c))
        return false;
    if (p < len && (isalnum((unsigned char)s[p]) || (s[p] == sign && p + 1 < len && isdigit((unsigned char)s[p + 1]))))
        return false; /* 1.2.3.4, 2027-03-31x */
    *q = (quantity){.kind = QUANTITY_DATE, .start = at, .end = p};
    if (a >= 1000) {
        q->year = a, q->month = b, q->day = c;
    } else {
        q->day = a, q->month = b;
        q->year = c < 100 ? (c < 70 ? 2000 : 1900) + c : c;
        if (sign == '/' || q->month > 12) {
            q->day_or_month = q->month <= 12 && q->day <= 12;
            if (q->month > 12)
                q->day = b, q->month = a;
        }
    }
    return plausible(q->year, q->month, q->day);
}

/* A year of four digits behind blanks, "de" and commas; at when there is none. */
static size_t year_after(const char *s, size_t len, size_t at, int *year)
{
    size_t p = at;

    if (p < len && (s[p] == ',' || s[p] == '.'))
        p++;
    p = skip_blank(s, len, p);
    if (len - p > 3 && !memcmp(s + p, "de ", 3))
        p += 3;
    if (digits(s, len, &p, 4, 4, year) && *year >= 1000 && *year < 2200)
        return p;
    *year = 0;
    return at;
}

/* 31 March 2027, 31. März 2027, 31 de marzo de 2027, 31st March; from a number. */
static bool day_month(const char *s, size_t len, size_t at, quantity *q)
{
    size_t p = at, end;
    int day, month, year;

    if (!digits(s, len, &p, 1, 2, &day) || day < 1 || day > 31)
        return false;
    if (len - p >= 2 && (!strncmp(s + p, "st", 2) || !strncmp(s + p, "nd", 2) ||
                         !strncmp(s + p, "rd", 2) || !strncmp(s + p, "th", 2) ||
                         !strncmp(s + p, "er", 2) || !strncmp(s + p, "\xC2\xBA", 2)))
        p += 2; /* 1er mai, 1º de mayo */
    else if (p < len && s[p] == '.')
        p++;
    p = skip_blank(s, len, p);
    if (len - p > 3 && (!memcmp(s + p, "de ", 3) || !memcmp(s + p, "of ", 3)))
        p += 3;
    month = month_at(s, len, p, &end);
    if (!month)
        return false;
    end = year_after(s, len, end, &year);
    *q = (quantity){.kind = QUANTITY_DATE, .start = at, .end = end, .year = year, .month = month,
                    .day = day};
    return true;
}

/* March 31, 2027, March 2027; from the month. A bare "may" is no date. */
static bool month_first(const char *s, size_t len, size_t at, quantity *q)
{
    size_t end, p;
    int month = month_at(s, len, at, &end), day = 0, year = 0;

    if (!month || !(isupper((unsigned char)s[at]) || strchr("efmajsondé", s[at])))
        return false;
    p = end;
    if (p < len && s[p] == '.')
        p++;
    p = skip_blank(s, len, p);
    size_t before = p;
    if (digits(s, len, &p, 1, 2, &day) && day >= 1 && day <= 31) {
        if (len - p >= 2 && (!strncmp(s + p, "st", 2) || !strncmp(s + p, "nd", 2) ||
                             !strncmp(s + p, "rd", 2) || !strncmp(s + p, "th", 2)))
            p += 2;
        end = year_after(s, len, p, &year);
    } else {
        day = 0;
        p = year_after(s, len, before, &year);
        end = year ? p : end;
    }
    if (!day && !year)
        return false;
    *q = (quantity){.kind = QUANTITY_DATE, .start = at, .end = end, .year = year, .month = month,
                    .day = day};
    return true;
}

/* 14:30, 14.30 Uhr, 2 pm, 2:30 p.m., 14 h 30 */
static bool clock_time(const char *s, size_t len, size_t at, quantity *q)
{
    size_t p = at, r;
    int h, m = 0;
    bool colon = false, said = false, hours = false;

    if (!digits(s, len, &p, 1, 2, &h) || h > 24)
        return false;
    r = p + 1;
    if (p < len && (s[p] == ':' || s[p] == '.') && digits(s, len, &r, 2, 2, &m) && m < 60) {
        colon = s[p] == ':';
        p = r;
    } else {
        m = 0;
        hours = true;
    }
    r = skip_blank(s, len, p);
    size_t minutes = hours && r < len && s[r] == 'h' ? skip_blank(s, len, r + 1) : len;
    if (digits(s, len, &minutes, 2, 2, hours ? &m : &(int){0}) && m < 60 && (minutes >= len || !isalnum((unsigned char)s[minutes]))) {
        said = true; /* 14 h 30, 14h30 */
        p = minutes;
    } else if (len - r >= 3 && !memcmp(s + r, "Uhr", 3)) {
        said = true;
        p = r + 3;
    } else if (len - r >= 2 && (tolower((unsigned char)s[r]) == 'a' || tolower((unsigned char)s[r]) == 'p')) {
        size_t e = r + 1;
        if (s[e] == '.' && e + 1 < len)
            e++;
        if (tolower((unsigned char)s[e]) == 'm' &&
            (e + 1 >= len || !isalnum((unsigned char)s[e + 1]))) {
            said = true;
            if (tolower((unsigned char)s[r]) == 'p' && h < 12)
                h += 12;
            p = e + 1;
        }
    }
    if (!colon && !said)
        return false;
    if (p < len && s[p] == ':') /* 1:2:3 */
        return false;
    *q = (quantity){.kind = QUANTITY_TIME, .start = at, .end = p,
                    .value = {h * 60 + m, h * 60 + m}};
    return true;
}

/* The number at s[at] in its one or two readings; returns its end. */
static size_t plain_number(const char *s, size_t len, size_t at, double value[2])
{
    char plain[64];
    size_t n = 0, p = at, groups = 0, last = 0, signs = 0;
    char first_sign = 0, last_sign = 0;

    /* The run of digits with separators between them, each followed by a digit. */
    while (p < len && n + 1 < sizeof plain) {
        size_t skip = 0;
        if (isdigit((unsigned char)s[p])) {
            plain[n++] = s[p++];
            continue;
        }
        if (strchr(".,'", s[p]) && s[p])
            skip = 1;
        else if (len - p > 2 && (!memcmp(s + p, "\xC2\xA0", 2)))
            skip = 2;
        else if (len - p > 3 && !memcmp(s + p, "\xE2\x80\xAF", 3))
            skip = 3;
        else if (s[p] == ' ' && n && n <= 3 + 3 * groups)
            skip = 1; /* 1 200: checked below */
        if (!skip || p + skip >= len || !isdigit((unsigned char)s[p + skip]))
            break;
        if (s[p] == ' ' || skip > 1) { /* blanks part thousands alone */
            size_t d = p + skip;
            while (d < len && isdigit((unsigned char)s[d]))
                d++;
            if (d - p - skip != 3 || signs > groups)
                break;
        }
        signs++;
        last = n;
        last_sign = skip > 1 ? ' ' : s[p];
        if (!first_sign)
            first_sign = last_sign;
        groups++;
        p += skip;
    }
    plain[n] = '\0';
    if (!signs) {
        value[0] = value[1] = strtod(plain, NULL);
        return p;
    }
    double whole = strtod(plain, NULL), part = whole / pow(10, (double)(n - last));
    if (last_sign == ' ' || last_sign == '\'' || (signs > 1 && first_sign == last_sign))
        value[0] = value[1] = whole; /* 1 200 000, 1.200.000 */
    else if (signs > 1)
        value[0] = value[1] = part; /* 1.234,56 */
    else if (n - last == 3 && last <= 3 && plain[0] != '0')
        value[0] = whole, value[1] = part; /* 1.200 */
    else
        value[0] = value[1] = part;
    return p;
}

/* Multiply by a word like "million" that follows. */
static size_t scaled(const char *s, size_t len, size_t at, double value[2])
{
    char word[WORD_MAX];
    size_t p = skip_blank(s, len, at), e = word_end(s, len, p);
    double factor;

    if (e == p || !fold(s + p, e - p, word) || !(factor = scale_of(word)))
        return at;
    value[0] *= factor;
    value[1] *= factor;
    return e;
}

static void finish_number(const char *s, size_t len, quantity *q)
{
    uint16_t unit = 0;
    size_t start = q->start;

    q->end = scaled(s, len, q->end, q->value);
    q->end = unit_at(s, len, q->end, &q->unit, &q->class);
    if (!q->unit && (start = currency_before(s, q->start, &unit)) < q->start) {
        q->unit = unit;
        q->class = UNIT_MONEY;
        q->start = start;
    }
}

static bool number_at(const char *s, size_t len, size_t at, quantity *q)
{
    size_t end;

    *q = (quantity){.kind = QUANTITY_NUMBER, .start = at};
    end = plain_number(s, len, at, q->value);
    if (end < len && (isalpha((unsigned char)s[end]) || s[end] == '_')) {
        /* 5km is a number with its unit, 3D and 2nd are words. */
        uint16_t unit = 0;
        unit_class class;
        if (unit_at(s, len, end, &unit, &class) == end) {
            q->end = end;
            return false;
        }
    }
    q->end = end;
    q->year_like = end - at == 4 && q->value[0] >= 1000 && q->value[0] < 2200;
    finish_number(s, len, q);
    q->year_like = q->year_like && !q->unit;
    return true;
}

static bool numeral_at(const char *s, size_t len, size_t at, size_t end, quantity *q)
{
    char word[WORD_MAX];
    double value, factor;

    if (!fold(s + at, end - at, word))
        return false;
    if (numeral(word, &value)) {
        *q = (quantity){.kind = QUANTITY_NUMBER, .start = at, .end = end, .word = true,
                        .value = {value, value}};
        /* twenty-one, treinta y uno stay two numbers unless joined by a hyphen */
        if (value >= 20 && end < len && s[end] == '-') {
            size_t e = word_end(s, len, end + 1);
            double ones;
            if (fold(s + end + 1, e - end - 1, word) && numeral(word, &ones) && ones < 10) {
                q->value[0] = q->value[1] = value + ones;
                q->end = e;
            }
        }
    } else if ((factor = scale_of(word)) >= 100 && strcmp(word, "mil")) {
        *q = (quantity){.kind = QUANTITY_NUMBER, .start = at, .end = end, .word = true,
                        .value = {factor, factor}};
    } else {
        return false;
    }
    finish_number(s, len, q);
    return true;
}

/* "4. The treasurer", "12) Fees" */
static bool numbers_item(const char *s, size_t len, const quantity *q)
{
    size_t from = q->start;

    if (q->kind != QUANTITY_NUMBER || q->unit || q->word || q->end - q->start > 3 || q->end + 1 >= len || !strchr(".)", s[q->end]) || s[q->end + 1] != ' ')
        return false;
    while (from && (s[from - 1] == ' ' || s[from - 1] == '\t' || s[from - 1] == '('))
        from--;
    return !from || s[from - 1] == '\n';
}

cairn_status quantities_find(const char *s, size_t len, arena *a, quantity **out, size_t *n,
                             cairn_error *err)
{
    quantity *found = NULL, q;
    size_t cap = 0;

    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < len && *n < MAX_QUANTITIES;) {
        bool got = false;
        size_t end = i + 1;
        if (isdigit((unsigned char)s[i])) {
            got = numeric_date(s, len, i, &q) || day_month(s, len, i, &q) ||
                  clock_time(s, len, i, &q) || number_at(s, len, i, &q);
            end = q.end > i ? q.end : i + 1;
            if (!got) /* an identifier: leave its digits alone */
                while (end < len && (isalnum((unsigned char)s[end]) || s[end] == '_'))
                    end++;
        } else if (isalpha((unsigned char)s[i]) || (unsigned char)s[i] == 0xC3 ||
                   (unsigned char)s[i] == 0xD0 || (unsigned char)s[i] == 0xD1) { /* Latin or Cyrillic */
            end = word_end(s, len, i);
            if (end == i)
                end = i + 1;
            got = end - i > 1 && (month_first(s, len, i, &q) || numeral_at(s, len, i, end, &q));
            if (got)
                end = q.end;
            else /* K2, EN60335, LK-88: digits inside a word belong to it */
                while (end < len && (isalnum((unsigned char)s[end]) || s[end] == '_' ||
                                     (s[end] == '-' && end + 1 < len &&
                                      isdigit((unsigned char)s[end + 1]))))
                    end++;
        }
        i = end;
        if (!got)
            continue;
        if (*n == cap) {
            cap = cap ? cap * 2 : 16;
            quantity *more = checked_realloc(found, cap, sizeof *more);
            if (!more) {
                free(found);
                return cairn_fail(err, CAIRN_ENOMEM, "quantities");
            }
            found = more;
        }
        q.item = numbers_item(s, len, &q);
        found[(*n)++] = q;
    }
    if (*n) {
        *out = arena_alloc(a, *n * sizeof **out);
        if (*out)
            memcpy(*out, found, *n * sizeof **out);
        else
            *n = 0;
    }
    free(found);
    return *n || !cap ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "quantities");
}

/* ---- comparing ---- */

static bool near(double x, double y)
{
    return fabs(x - y) <= 1e-9 * fmax(fabs(x), fabs(y));
}

static bool date_equal(const quantity *want, const quantity *have)
{
    if (want->year && want->year != have->year)
        return false;
    if (!want->month)
        return true;
    if (want->month == have->month && (!want->day || want->day == have->day))
        return true;
    return (want->day_or_month || have->day_or_month) && want->month == have->day &&
           want->day == have->month;
}

bool quantity_equal(const quantity *want, const quantity *have)
{
    if (want->kind == QUANTITY_NUMBER && have->kind == QUANTITY_DATE)
        return want->value[0] == have->year ||
               (!want->year_like && !want->unit && want->value[0] == have->day);
    if (want->kind == QUANTITY_DATE && have->kind == QUANTITY_NUMBER)
        return !want->month && have->year_like && have->value[0] == want->year;
    if (want->kind != have->kind)
        return false;
    if (want->kind == QUANTITY_DATE)
        return date_equal(want, have);
    if ((want->unit && have->unit && want->unit != have->unit) || (want->unit && have->item))
        return false;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (near(want->value[i], have->value[j]))
                return true;
    return false;
}

/* What a unit is of the smallest of its kind; 0: it is compared with itself alone. */
static double unit_size(uint16_t unit)
{
    static const struct {
        uint16_t unit;
        double size;
    } sizes[] = {{U_SECOND, 1},     {U_MINUTE, 60},    {U_HOUR, 3600},    {U_DAY, 86400},  {U_WEEK, 604800}, {U_MONTH, 2629746},
                 {U_YEAR, 31556952}, {U_UM, 1e-6},      {U_MM, 1e-3},      {U_CM, 1e-2},    {U_M, 1},         {U_KM, 1e3},
                 {U_INCH, 0.0254},  {U_FOOT, 0.3048},  {U_MILE, 1609.344}, {U_M2, 1},      {U_KM2, 1e6},     {U_HA, 1e4},
                 {U_ACRE, 4046.856}, {U_ML, 1e-3},      {U_L, 1},          {U_M3, 1e3},     {U_MG, 1e-6},     {U_G, 1e-3},
                 {U_KG, 1},         {U_TONNE, 1e3},    {U_OUNCE, 0.02835}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].unit == unit)
            return sizes[i].size;
    return 0;
}

static int order_of(double x, double y)
{
    return (x > y) - (x < y);
}

/* Parts of a date from the greatest on, while both say them. */
static bool compare_dates(const quantity *x, const quantity *y, int *order)
{
    const int a[] = {x->year, x->month, x->day}, b[] = {y->year, y->month, y->day};
    bool said = false;

    if (!a[0] != !b[0])
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (!a[i] && !b[i])
            continue;
        if (!a[i] || !b[i])
            return false;
        if (i && (x->day_or_month || y->day_or_month))
            return false;
        said = true;
        if ((*order = order_of(a[i], b[i])) != 0)
            return true;
    }
    return said;
}

bool quantity_compare(const quantity *x, const quantity *y, int *order)
{
    quantity a = *x, b = *y;
    double by_a = 1, by_b = 1;

    *order = 0;
    if (a.kind == QUANTITY_NUMBER && b.kind == QUANTITY_DATE && a.year_like)
        a = (quantity){.kind = QUANTITY_DATE, .year = (int)a.value[0]};
    if (b.kind == QUANTITY_NUMBER && a.kind == QUANTITY_DATE && b.year_like)
        b = (quantity){.kind = QUANTITY_DATE, .year = (int)b.value[0]};
    if (a.kind != b.kind)
        return false;
    if (a.kind == QUANTITY_DATE)
        return compare_dates(&a, &b, order);
    if (a.kind == QUANTITY_NUMBER && a.unit != b.unit) {
        by_a = unit_size(a.unit);
        by_b = unit_size(b.unit);
        if (a.class != b.class || by_a <= 0 || by_b <= 0)
            return false;
    }
    *order = order_of(a.value[0] * by_a, b.value[0] * by_b);
    return a.kind == QUANTITY_TIME || (*order == order_of(a.value[1] * by_a, b.value[1] * by_b) &&
                                       *order == order_of(a.value[0] * by_a, b.value[1] * by_b) &&
                                       *order == order_of(a.value[1] * by_a, b.value[0] * by_b));
}
