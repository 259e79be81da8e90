// audio_tags.cpp - see audio_tags.h.
#include "ingest/extract/audio_tags.h"

#include <exception>

#include <taglib/fileref.h>
#include <taglib/tag.h>
#include <taglib/tbytevectorstream.h>
#include <taglib/tpropertymap.h>

bool audio_tags(const char *data, size_t len, void (*take)(void *ctx, const char *key, const char *value),
                void *ctx, int *seconds)
try {
    TagLib::ByteVector bytes(data, static_cast<unsigned int>(len));
    TagLib::ByteVectorStream stream(bytes);
    TagLib::FileRef file(&stream, true, TagLib::AudioProperties::Fast);

    if (file.isNull() || !file.file() || !file.file()->isValid())
        return false;
    *seconds = file.audioProperties() ? file.audioProperties()->lengthInSeconds() : 0;
    const TagLib::PropertyMap all = file.file()->properties();
    for (const auto &entry : all)
        for (const auto &value : entry.second)
            take(ctx, entry.first.toCString(true), value.toCString(true));
    return true;
} catch (const std::exception &) {
    return false;
}
