/* test_power - a battery that discharges, told from mains, from a mouse's battery and from nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/power.h"

static char top[] = "/tmp/cairn-power-XXXXXX";

static void put(const char *supply, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", top, supply);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", top, supply, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void supplies(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(top));
    assert_false(power_on_battery("/no/such/folder"));
    assert_false(power_on_battery(top));
    put("mouse", "type", "Battery\n");
    put("mouse", "scope", "Device\n");
    put("mouse", "status", "Discharging\n");
    assert_false(power_on_battery(top));
    put("BAT0", "type", "Battery\n");
    put("BAT0", "status", "Charging\n");
    assert_false(power_on_battery(top));
    put("BAT0", "status", "Discharging\n");
    assert_true(power_on_battery(top));
    put("AC", "type", "Mains\n");
    put("AC", "online", "0\n");
    assert_true(power_on_battery(top));
    put("AC", "online", "1\n");
    assert_false(power_on_battery(top));
}

static int remove_all(void **state)
{
    static const char *const files[] = {"mouse/type", "mouse/scope", "mouse/status", "mouse",
                                        "BAT0/type",  "BAT0/status", "BAT0",         "AC/type",
                                        "AC/online",  "AC"};
    char path[256];
    (void)state;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", top, files[i]);
        remove(path);
    }
    return rmdir(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(supplies)};
    return cmocka_run_group_tests(tests, NULL, remove_all);
}
