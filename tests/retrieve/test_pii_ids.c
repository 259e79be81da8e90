/* test_pii_ids.c - numbers that states give to persons, and forms of other personal data in many countries. Each number has right
 * check digits; with its last digit another one, or its groups those of something else, it is none. A few
 * are drawn, none is anybody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/pii.h"

static const struct {
    const char *text;
    pii_type type;
    const char *value; /* NULL: nothing must be found */
} texts[] = {
    {"version 4.18.0.2 is out", PII_IP, NULL},
    {"Siehe Kapitel 3.2.1.4.", PII_IP, NULL},
    {"§ 5.1.2.1", PII_IP, NULL},
    {"глава 5.1.2.1", PII_IP, NULL},
    {"the server 10.1.2.254, version 2", PII_IP, "10.1.2.254"},
    {"section of 10.1.2.254", PII_IP, "10.1.2.254"},
    {"api_key=$API_KEY", PII_SECRET, NULL},
    {"password: ${db.password1}", PII_SECRET, NULL},
    {"password: %DB_PASS1%", PII_SECRET, NULL},
    {"password: $Sommer2024", PII_SECRET, "$Sommer2024"},
    {"CPF 483.161.199-94", PII_NATIONAL_ID,
     "483.161.199-94"},
    {"PESEL 67041681348", PII_NATIONAL_ID,
     "67041681348"},
    {"Her BSN: 2331.13.393 is on file.", PII_NATIONAL_ID,
     "2331.13.393"},
    {"Her NIF 263234436 is on file.", PII_NATIONAL_ID,
     "263234436"},
    {"rijksregister 85.01.29-122.24, valid", PII_NATIONAL_ID,
     "85.01.29-122.24"},
    {"personnummer 610813-8964, valid", PII_NATIONAL_ID,
     "610813-8964"},
    {"(henkilötunnus 030558-671K)", PII_NATIONAL_ID,
     "030558-671K"},
    {"(CPR 120782-1172)", PII_NATIONAL_ID,
     "120782-1172"},
    {"fødselsnummer 210592 47309;", PII_NATIONAL_ID,
     "210592 47309"},
    {"CURP DAMW820225MDFDCD05;", PII_NATIONAL_ID,
     "DAMW820225MDFDCD05"},
    {"RUT 11.970.631-9", PII_NATIONAL_ID,
     "11.970.631-9"},
    {"CUIT 20-69797834-9", PII_NATIONAL_ID,
     "20-69797834-9"},
    {"Her Aadhaar 4168 6671 5108 is on file.", PII_NATIONAL_ID,
     "4168 6671 5108"},
    {"Her PAN: PKPPC6119F is on file.", PII_NATIONAL_ID,
     "PKPPC6119F"},
    {"身份证号：110105196905257127, valid", PII_NATIONAL_ID,
     "110105196905257127"},
    {"주민등록번호 970426-2355311, valid", PII_NATIONAL_ID,
     "970426-2355311"},
    {"(マイナンバー 8688 6878 3761)", PII_NATIONAL_ID,
     "8688 6878 3761"},
    {"(SIN 399-403-278)", PII_NATIONAL_ID,
     "399-403-278"},
    {"TFN 291 126 267;", PII_NATIONAL_ID,
     "291 126 267"},
    {"SA ID number 910520 1980 08 1;", PII_NATIONAL_ID,
     "910520 1980 08 1"},
    {"TC kimlik no 56151506526", PII_NATIONAL_ID,
     "56151506526"},
    {"rodné číslo 910914/7982", PII_NATIONAL_ID,
     "910914/7982"},
    {"Her CNP 1700227127700 is on file.", PII_NATIONAL_ID,
     "1700227127700"},
    {"Her ЕГН 8406284557 is on file.", PII_NATIONAL_ID,
     "8406284557"},
    {"AHV 756.8057.4699.57, valid", PII_NATIONAL_ID,
     "756.8057.4699.57"},
    {"ΑΦΜ 252595820, valid", PII_NATIONAL_ID,
     "252595820"},
    {"(PPS number 3352679J)", PII_NATIONAL_ID,
     "3352679J"},
    {"(СНИЛС 198-915-387 46)", PII_NATIONAL_ID,
     "198-915-387 46"},
    {"ИНН 661579553368;", PII_NATIONAL_ID,
     "661579553368"},
    {"ת.ז. 45920969-8;", PII_NATIONAL_ID,
     "45920969-8"},
    {"NIR 2 78 03 75 489 218 68", PII_NATIONAL_ID,
     "2 78 03 75 489 218 68"},
    {"DNI 44334324F", PII_NATIONAL_ID,
     "44334324F"},
    {"Her NIE Y4365466B is on file.", PII_NATIONAL_ID,
     "Y4365466B"},
    {"Her codice fiscale RSSMRA80A01H501U is on file.", PII_NATIONAL_ID,
     "RSSMRA80A01H501U"},
    {"SSN 506-51-4564, valid", PII_NATIONAL_ID,
     "506-51-4564"},
    {"Steuer-ID 29 495 368 106, valid", PII_NATIONAL_ID,
     "29 495 368 106"},
    {"(NINO 55862835K)", PII_NATIONAL_ID,
     "55862835K"},
    {"(SVNR 9283010268)", PII_NATIONAL_ID,
     "9283010268"},
    {"EMŠO 1402971502473;", PII_NATIONAL_ID,
     "1402971502473"},
    {"isikukood 37612052143;", PII_NATIONAL_ID,
     "37612052143"},
    {"CPF 123.456.789-00", PII_NATIONAL_ID, NULL},
    {"PESEL 12345678901", PII_NATIONAL_ID, NULL},
    {"BSN 123456789", PII_NATIONAL_ID, NULL},
    {"order 90.01.02-123.45", PII_NATIONAL_ID, NULL},
    {"personnummer 900102-0000", PII_NATIONAL_ID, NULL},
    {"hetu 010190-123Z", PII_NATIONAL_ID, NULL},
    {"CPR register opened in 1968", PII_NATIONAL_ID, NULL},
    {"SIN 123-456-789", PII_NATIONAL_ID, NULL},
    {"the PAN of the camera", PII_NATIONAL_ID, NULL},
    {"Aadhaar 1234 5678 9012", PII_NATIONAL_ID, NULL},
    {"RUT 12.345.678-0", PII_NATIONAL_ID, NULL},
    {"idnr 12345678901", PII_NATIONAL_ID, NULL},
    {"RRN of 900101-1 only", PII_NATIONAL_ID, NULL},
    {"AHV 756.1234.5678.90", PII_NATIONAL_ID, NULL},
    {"CNP 1900101123456", PII_NATIONAL_ID, NULL},
    {"TFN 123 456 780", PII_NATIONAL_ID, NULL},
    {"pps 1234567Z", PII_NATIONAL_ID, NULL},
    {"INN 123456789012", PII_NATIONAL_ID, NULL},
    {"CURP AAAA000000", PII_NATIONAL_ID, NULL},
    {"numer karty 6304\xC2\xA0" "9216\xC2\xA0" "5986\xC2\xA0" "1626", PII_CARD,
     "6304\xC2\xA0" "9216\xC2\xA0" "5986\xC2\xA0" "1626"},
    {"cartão 6597.8532.4137.3313", PII_CARD,
     "6597.8532.4137.3313"},
    {"konto FI41\xC2\xA0" "5945\xC2\xA0" "7049\xC2\xA0" "5779\xC2\xA0" "52 bis", PII_IBAN,
     "FI41\xC2\xA0" "5945\xC2\xA0" "7049\xC2\xA0" "5779\xC2\xA0" "52"},
    {"the CD28 receptor on T cells", PII_IBAN,
     NULL},
    {"SP1677-SP1680 and", PII_IBAN,
     NULL},
    {"Kontakt: 8 (301) 123-45-67", PII_PHONE,
     "8 (301) 123-45-67"},
    {"release 1.10.2 (2015-10-26)", PII_PHONE,
     NULL},
    {"Puh. 6123 4567", PII_PHONE,
     "6123 4567"},
    {"ödön@posta.hu", PII_EMAIL,
     "ödön@posta.hu"},
    {"lee@한국.kr으로", PII_EMAIL,
     "lee@한국.kr"},
    {"请发到lea@post.example谢谢", PII_EMAIL,
     "lea@post.example"},
    {"under 11.529216 the program run", PII_NATIONAL_ID,
     NULL},
    {"the final word since 123456782", PII_NATIONAL_ID,
     NULL},
};

static void numbers_are_told_by_form_check_digits_and_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *value = texts[i].value;
        cairn_error err;
        pii_match *m;
        size_t n;
        arena a;
        arena_init(&a, 1 << 20);
        assert_int_equal(pii_find(texts[i].text, strlen(texts[i].text), 1u << texts[i].type, &a, &m,
                                  &n, &err),
                         CAIRN_OK);
        if (!value && n)
            fail_msg("found in: %s", texts[i].text);
        if (value && (n != 1 || m[0].end - m[0].start != strlen(value) ||
                      memcmp(texts[i].text + m[0].start, value, strlen(value)) != 0))
            fail_msg("not found in: %s", texts[i].text);
        arena_clear(&a);
    }
}

/* Another last digit is another number. */
static void a_wrong_check_digit_is_none(void **state)
{
    static const char *const strict[] = {
        "529.982.247-25", "11.970.631-9", "756.9217.0769.85", "11010519491231002X",
        "131052-308T",    "S1234567D",
    };

    (void)state;
    for (size_t i = 0; i < sizeof strict / sizeof *strict; i++) {
        char text[32];
        cairn_error err;
        pii_match *m;
        size_t n, len = strlen(strict[i]), right = 0;
        arena a;
        arena_init(&a, 1 << 20);
        memcpy(text, strict[i], len);
        for (char last = '0'; last <= 'Z'; last++) {
            if (last > '9' && last < 'A')
                continue;
            text[len - 1] = last;
            assert_int_equal(pii_find(text, len, 1u << PII_NATIONAL_ID, &a, &m, &n, &err), CAIRN_OK);
            right += n;
            if (last == strict[i][len - 1])
                assert_int_equal(n, 1);
        }
        assert_int_equal(right, 1);
        arena_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_told_by_form_check_digits_and_name),
        cmocka_unit_test(a_wrong_check_digit_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
