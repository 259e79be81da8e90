/* vector_device.h - the device of generate/decode/device.h as the one that index/vector scans with. */
#ifndef CAIRN_ENGINE_VECTOR_DEVICE_H
#define CAIRN_ENGINE_VECTOR_DEVICE_H

#include "engine/settings.h"
#include "index/vector/vector_device.h"

/* What the setting search.vector_device asks for; NULL: no device. Opens none: that happens at the first scan
 * that pays for it. With CAIRN_DEVICE=cuda every scan is made there. Lives for ever. */
const vector_device *engine_vector_device(const settings *s);

#endif
