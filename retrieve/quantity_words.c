/* quantity_words.c - see quantity_words.h. */
#include "retrieve/quantity_words.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

/* The next word s[at, end): ASCII letters and any bytes of other scripts. */
size_t quantity_word_end(const char *s, size_t len, size_t at)
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
bool quantity_fold(const char *s, size_t len, char out[QUANTITY_WORD])
{
    if (len >= QUANTITY_WORD)
        return false;
    utf8_fold_latin(s, len, out);
    for (size_t i = 0; i + 1 < len; i++) { /* capitals of basic Cyrillic */
        unsigned char *c = (unsigned char *)out + i;
        if (c[0] != 0xD0 || c[1] < 0x90 || c[1] > 0xAF)
            continue;
        c[0] += c[1] >= 0xA0;
        c[1] = (unsigned char)(c[1] >= 0xA0 ? c[1] - 0x20 : c[1] + 0x20);
    }
    return true;
}

size_t quantity_skip_blank(const char *s, size_t len, size_t at)
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
    {"gennaio", 1},   {"febbraio", 2},  {"aprile", 4},     {"maggio", 5},    {"giugno", 6},
    {"luglio", 7},    {"settembre", 9}, {"ottobre", 10},   {"dicembre", 12}, {"janeiro", 1},
    {"fevereiro", 2}, {"março", 3},     {"maio", 5},       {"junho", 6},     {"julho", 7},
    {"setembro", 9},  {"outubro", 10},  {"novembro", 11},  {"dezembro", 12}, {"januari", 1},
    {"februari", 2},  {"maart", 3},     {"augustus", 8},   {"января", 1},    {"февраля", 2},
    {"марта", 3},     {"апреля", 4},    {"мая", 5},        {"июня", 6},      {"июля", 7},
    {"августа", 8},   {"сентября", 9},  {"октября", 10},   {"ноября", 11},   {"декабря", 12},
    {"январь", 1},    {"февраль", 2},   {"март", 3},       {"апрель", 4},    {"май", 5},
    {"июнь", 6},      {"июль", 7},      {"август", 8},     {"сентябрь", 9},  {"октябрь", 10},
    {"ноябрь", 11},   {"декабрь", 12},  {"январе", 1},     {"феврале", 2},   {"марте", 3},
    {"апреле", 4},    {"мае", 5},       {"июне", 6},       {"июле", 7},      {"августе", 8},
    {"сентябре", 9},  {"октябре", 10},  {"ноябре", 11},    {"декабре", 12},
};

int quantity_month_at(const char *s, size_t len, size_t at, size_t *end)
{
    char word[QUANTITY_WORD];

    *end = quantity_word_end(s, len, at);
    if (*end - at < 3 || !quantity_fold(s + at, *end - at, word))
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
    {"одиннадцати", 11}, {"двенадцати", 12}, {"четырнадцати", 14}, {"пятнадцати", 15}, {"сорока", 40}, {"пятидесяти", 50}, {"трём", 3},
    {"treize", 13}, {"quatorze", 14}, {"quinze", 15}, {"soixante", 60}, {"trece", 13}, {"catorce", 14}, {"dieciséis", 16},
    {"diecisiete", 17}, {"dieciocho", 18}, {"diecinueve", 19}, {"veintiuno", 21}, {"veintidós", 22}, {"veinticuatro", 24},
    {"veinticinco", 25}, {"tre", 3}, {"quattro", 4}, {"cinque", 5}, {"sette", 7}, {"nove", 9}, {"dieci", 10}, {"undici", 11},
    {"dodici", 12}, {"tredici", 13}, {"quattordici", 14}, {"quindici", 15}, {"sedici", 16}, {"diciassette", 17}, {"diciotto", 18},
    {"diciannove", 19}, {"venti", 20}, {"trenta", 30}, {"quaranta", 40}, {"cinquanta", 50}, {"sessanta", 60}, {"settanta", 70},
    {"ottanta", 80}, {"novanta", 90},
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

double quantity_scale_of(const char *word)
{
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        if (!strcmp(word, scales[i].word))
            return scales[i].factor;
    return 0;
}

bool quantity_numeral(const char *word, double *value)
{
    const char *und = strstr(word, "und");

    for (size_t i = 0; i < sizeof numerals / sizeof *numerals; i++)
        if (!strcmp(word, numerals[i].word)) {
            *value = numerals[i].value;
            return true;
        }
    if (und && und > word) { /* einundzwanzig */
        char ones[QUANTITY_WORD];
        double unit, tens;
        memcpy(ones, word, (size_t)(und - word));
        ones[und - word] = '\0';
        if (!strcmp(ones, "ein"))
            unit = 1;
        else if (!quantity_numeral(ones, &unit))
            return false;
        if (unit < 10 && quantity_numeral(und + 3, &tens) && tens >= 20) {
            *value = unit + tens;
            return true;
        }
    }
    return false;
}

/* ---- units ---- */


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
    {"giorno", U_DAY, UNIT_SPAN}, {"giorni", U_DAY, UNIT_SPAN}, {"settimana", U_WEEK, UNIT_SPAN}, {"settimane", U_WEEK, UNIT_SPAN},
    {"mese", U_MONTH, UNIT_SPAN}, {"mesi", U_MONTH, UNIT_SPAN}, {"anno", U_YEAR, UNIT_SPAN}, {"anni", U_YEAR, UNIT_SPAN},
    {"ora", U_HOUR, UNIT_SPAN}, {"ore", U_HOUR, UNIT_SPAN}, {"minuto", U_MINUTE, UNIT_SPAN}, {"minuti", U_MINUTE, UNIT_SPAN},
    {"secondi", U_SECOND, UNIT_SPAN}, {"litri", U_L, UNIT_VOLUME}, {"litro", U_L, UNIT_VOLUME}, {"grammi", U_G, UNIT_MASS},
    {"metri", U_M, UNIT_LENGTH}, {"metro", U_M, UNIT_LENGTH}, {"chilometri", U_KM, UNIT_LENGTH}, {"chili", U_KG, UNIT_MASS},
    {"metri quadrati", U_M2, UNIT_AREA}, {"per cento", U_SHARE, UNIT_SHARE}, {"seconde", U_SECOND, UNIT_SPAN},
    {"semaine", U_WEEK, UNIT_SPAN}, {"année", U_YEAR, UNIT_SPAN}, {"années", U_YEAR, UNIT_SPAN}, {"mètres", U_M, UNIT_LENGTH},
    {"grammes", U_G, UNIT_MASS}, {"bars", U_BAR, UNIT_OTHER}, {"день", U_DAY, UNIT_SPAN}, {"дня", U_DAY, UNIT_SPAN},
    {"неделя", U_WEEK, UNIT_SPAN}, {"недели", U_WEEK, UNIT_SPAN}, {"недель", U_WEEK, UNIT_SPAN}, {"неделю", U_WEEK, UNIT_SPAN},
    {"месяц", U_MONTH, UNIT_SPAN}, {"месяца", U_MONTH, UNIT_SPAN}, {"месяцев", U_MONTH, UNIT_SPAN}, {"лет", U_YEAR, UNIT_SPAN},
    {"год", U_YEAR, UNIT_SPAN}, {"года", U_YEAR, UNIT_SPAN}, {"час", U_HOUR, UNIT_SPAN}, {"часа", U_HOUR, UNIT_SPAN},
    {"часов", U_HOUR, UNIT_SPAN}, {"минуты", U_MINUTE, UNIT_SPAN}, {"минут", U_MINUTE, UNIT_SPAN}, {"секунд", U_SECOND, UNIT_SPAN},
    {"рубль", U_RUB, UNIT_MONEY}, {"рубля", U_RUB, UNIT_MONEY}, {"\u20BD", U_RUB, UNIT_MONEY}, {"процента", U_SHARE, UNIT_SHARE},
    {"метра", U_M, UNIT_LENGTH}, {"метров", U_M, UNIT_LENGTH}, {"км", U_KM, UNIT_LENGTH}, {"километров", U_KM, UNIT_LENGTH},
    {"см", U_CM, UNIT_LENGTH}, {"мм", U_MM, UNIT_LENGTH}, {"кг", U_KG, UNIT_MASS}, {"килограммов", U_KG, UNIT_MASS},
    {"граммов", U_G, UNIT_MASS}, {"литра", U_L, UNIT_VOLUME}, {"литров", U_L, UNIT_VOLUME}, {"мл", U_ML, UNIT_VOLUME},
    {"天", U_DAY, UNIT_SPAN}, {"日内", U_DAY, UNIT_SPAN}, {"日以内", U_DAY, UNIT_SPAN}, {"个工作日", U_DAY, UNIT_SPAN}, {"周", U_WEEK, UNIT_SPAN},
    {"星期", U_WEEK, UNIT_SPAN}, {"个星期", U_WEEK, UNIT_SPAN}, {"个月", U_MONTH, UNIT_SPAN}, {"年", U_YEAR, UNIT_SPAN}, {"岁", U_YEAR, UNIT_SPAN},
    {"小时", U_HOUR, UNIT_SPAN}, {"个小时", U_HOUR, UNIT_SPAN}, {"分钟", U_MINUTE, UNIT_SPAN}, {"秒", U_SECOND, UNIT_SPAN}, {"秒钟", U_SECOND, UNIT_SPAN},
    {"美元", U_USD, UNIT_MONEY}, {"欧元", U_EUR, UNIT_MONEY}, {"英镑", U_GBP, UNIT_MONEY}, {"日元", U_JPY, UNIT_MONEY}, {"块钱", U_CNY, UNIT_MONEY},
    {"人民币", U_CNY, UNIT_MONEY}, {"米", U_M, UNIT_LENGTH}, {"公里", U_KM, UNIT_LENGTH}, {"千米", U_KM, UNIT_LENGTH}, {"厘米", U_CM, UNIT_LENGTH},
    {"毫米", U_MM, UNIT_LENGTH}, {"英里", U_MILE, UNIT_LENGTH}, {"英尺", U_FOOT, UNIT_LENGTH}, {"英寸", U_INCH, UNIT_LENGTH},
    {"平方公里", U_KM2, UNIT_AREA}, {"平方英里", U_MI2, UNIT_AREA}, {"平方英尺", U_FT2, UNIT_AREA}, {"公顷", U_HA, UNIT_AREA}, {"英亩", U_ACRE, UNIT_AREA},
    {"公斤", U_KG, UNIT_MASS}, {"千克", U_KG, UNIT_MASS}, {"克", U_G, UNIT_MASS}, {"吨", U_TONNE, UNIT_MASS}, {"升", U_L, UNIT_VOLUME},
    {"毫升", U_ML, UNIT_VOLUME}, {"立方米", U_M3, UNIT_VOLUME}, {"度", U_CELSIUS, UNIT_OTHER}, {"摄氏度", U_CELSIUS, UNIT_OTHER},
    {"周岁", U_YEAR, UNIT_SPAN}, {"公里/小时", U_KMH, UNIT_OTHER}, {"英里/小时", U_MILE, UNIT_OTHER}, {"微米", U_UM, UNIT_LENGTH}, {"户", 0, UNIT_OTHER}, {"个百分点", U_SHARE, UNIT_SHARE}, {"世纪", U_CENTURY, UNIT_OTHER}, {"年代", U_DECADE, UNIT_OTHER},
    /* what Chinese counts with: no unit, but no measure either */
    {"票", 0, UNIT_OTHER}, {"人", 0, UNIT_OTHER}, {"名", 0, UNIT_OTHER}, {"位", 0, UNIT_OTHER}, {"个", 0, UNIT_OTHER},
    {"次", 0, UNIT_OTHER}, {"倍", 0, UNIT_OTHER}, {"辆", 0, UNIT_OTHER}, {"台", 0, UNIT_OTHER}, {"张", 0, UNIT_OTHER},
    {"家", 0, UNIT_OTHER}, {"箱", 0, UNIT_OTHER}, {"件", 0, UNIT_OTHER}, {"间", 0, UNIT_OTHER}, {"层", 0, UNIT_OTHER},
    {"座", 0, UNIT_OTHER}, {"种", 0, UNIT_OTHER}, {"部", 0, UNIT_OTHER}, {"本", 0, UNIT_OTHER}, {"艘", 0, UNIT_OTHER},
    {"架", 0, UNIT_OTHER}, {"所", 0, UNIT_OTHER}, {"项", 0, UNIT_OTHER}, {"条", 0, UNIT_OTHER}, {"页", 0, UNIT_OTHER},
    {"支", 0, UNIT_OTHER}, {"届", 0, UNIT_OTHER}, {"场", 0, UNIT_OTHER}, {"把", 0, UNIT_OTHER}, {"套", 0, UNIT_OTHER},
    {"栋", 0, UNIT_OTHER}, {"枚", 0, UNIT_OTHER}, {"只", 0, UNIT_OTHER}, {"份", 0, UNIT_OTHER},
};

/* The unit that begins at s[at], blanks before it allowed; the longest name wins. */
size_t quantity_unit_at(const char *s, size_t len, size_t at, uint16_t *unit, unit_class *class)
{
    size_t p = quantity_skip_blank(s, len, at), best = 0;

    if (p == at && p < len && s[p] == '-') /* a 12-month guarantee */
        p++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = strlen(units[i].word);
        bool letters = isalpha((unsigned char)units[i].word[n - 1]);
        char word[QUANTITY_WORD];
        if (n <= best || len - p < n || !quantity_fold(s + p, n, word) || strcmp(word, units[i].word))
            continue;
        if (letters && p + n < len &&
            (isalnum((unsigned char)s[p + n]) || (unsigned char)s[p + n] == 0xC3))
            continue;
        if ((unsigned char)units[i].word[0] >> 1 == 0xD0 >> 1 && p + n < len && (unsigned char)s[p + n] >> 1 == 0xD0 >> 1)
            continue; /* of a longer Cyrillic word */
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
size_t quantity_currency_before(const char *s, size_t at, uint16_t *unit)
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

/* Up to `most` digits from s[*at] as a number; false when there is none or one more follows. */
bool quantity_digits(const char *s, size_t len, size_t *at, size_t least, size_t most, int *out)
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
