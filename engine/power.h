/* power.h - does the machine run on its battery? */
#ifndef CAIRN_ENGINE_POWER_H
#define CAIRN_ENGINE_POWER_H

#include <stdbool.h>

#define POWER_FOLDER "/sys/class/power_supply"

/* True when a battery is discharging and no mains supply is on line. `folder` is laid out as
 * POWER_FOLDER; one that is missing means mains. */
bool power_on_battery(const char *folder);

#endif
