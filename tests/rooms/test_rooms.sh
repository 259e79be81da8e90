#!/usr/bin/env bash
# Which room may know which: refuse an #include, a link dependency or a foreign library against
# the table of docs/architecture.md.
#
#   test_rooms.sh ROOT          check the tree; each line printed is one offence
#   test_rooms.sh --self-test   plant offences in a small tree and see that each is found
#
# An include in quotes is looked up beside the file and then from the root, as the compiler does;
# the room is the first folder of where it lands (or of what it names, where no such file exists).
set -uo pipefail

# room: what it may include besides itself
declare -A may_know=(
    [base]=""
    [store]="base" [index]="base" [generate]="base" [ingest]="base"
    [retrieve]="base store index generate"
    [opensearch]="base store index retrieve"
    [engine]="base store index generate ingest retrieve opensearch"
    [server]="base engine" [cli]="base engine server"
)
rooms="base store index generate ingest retrieve opensearch engine server cli"

# Where a room may know another in few places alone: "file|header".
few="cli server"
few_includes='cli/verb_serve.c|server/adapter.h
cli/verb_mcp.c|server/mcp/mcp.h
cli/verb_desktop.c|server/desktop/desktop.h
cli/verb_open.c|server/desktop/opener.h
cli/verb_tui.c|server/desktop/opener.h'

# Libraries that one place owns: "header prefix|folder that may include it".
owned_libraries='poppler|ingest/extract/
lmdb.h|store/
sqlite3.h|engine/
curl/|engine/gateway/ opensearch/http/
faiss/|index/vector/
libstemmer.h|index/text/
cmark-gfm|ingest/
libxml/|ingest/
magic.h|ingest/'

# Print "file:line:header" for each include of the given kind (" or <) below the rooms.
includes() { # ROOT, opening, closing
    local room
    for room in $rooms; do
        [ -d "$1/$room" ] || continue
        (cd "$1" && grep -rnE --include='*.c' --include='*.h' --include='*.cpp' --include='*.hpp' \
            "^[[:space:]]*#[[:space:]]*include[[:space:]]*$2[^$3]+$3" "$room") |
            sed -E "s/^([^:]+):([0-9]+):[^$2]*$2([^$3]+)$3.*/\1:\2:\3/"
    done
}

# Sets `target`; no subshell, because it runs once for each include of the tree.
room_of_include() { # ROOT, including file, header
    local beside=${2%/*}/$3
    case $3 in
    *..*) beside=$(cd "$1" && realpath -m --relative-to=. "$beside") ;;
    esac
    if [ -e "$1/$beside" ]; then
        target=${beside%%/*}
    else
        target=${3%%/*}
    fi
}

check_tree() {
    local root=$1 offences=0 file line header room target prefix folder dep seen=0
    while IFS=: read -r file line header; do
        seen=$((seen + 1))
        room=${file%%/*}
        room_of_include "$root" "$file" "$header"
        case " $rooms " in *" $target "*) ;; *) continue ;; esac
        case " $room ${may_know[$room]} " in
        *" $target "*)
            if [ "$room $target" = "$few" ] && ! grep -qxF "$file|$header" <<<"$few_includes"; then
                echo "$file:$line: $room may include $target in few places, and not here ($header)"
                offences=$((offences + 1))
            fi
            ;;
        *)
            echo "$file:$line: $room may not include $target ($header)"
            offences=$((offences + 1))
            ;;
        esac
    done < <(includes "$root" '"' '"')
    while IFS=: read -r file line header; do
        while IFS='|' read -r prefix folder; do
            case $header in "$prefix"*) ;; *) continue ;; esac
            case " $folder " in *" ${file%/*}/ "*) continue ;; esac
            case $file in "$folder"*) ;; *)
                echo "$file:$line: only $folder may include <$header>"
                offences=$((offences + 1))
                ;;
            esac
        done <<<"$owned_libraries"
    done < <(includes "$root" '<' '>')
    # What a room's target links: cairn_room(NAME ... DEPS room... [LIBS|DIRS ...])
    for room in $rooms; do
        [ -f "$root/$room/CMakeLists.txt" ] || continue
        for dep in $(tr '\n' ' ' <"$root/$room/CMakeLists.txt" |
            sed -nE "s/.*cairn_room\([[:space:]]*${room}[^)]*DEPS([^)]*)\).*/\1/p" |
            sed -E 's/(LIBS|DIRS).*//'); do
            case " ${may_know[$room]} " in *" $dep "*) continue ;; esac
            echo "$room/CMakeLists.txt: $room may not link $dep"
            offences=$((offences + 1))
        done
    done
    echo "$seen includes looked at, $offences against the table"
    [ "$offences" -eq 0 ] && [ "$seen" -gt 0 ]
}

self_test() {
    local tree failed=0 output
    tree=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder of now is meant
    trap "rm -rf '$tree'" EXIT
    fresh() {
        rm -rf "${tree:?}"/*
        mkdir -p "$tree"/{base,store,index/text,ingest/extract,retrieve,engine,cli}
        touch "$tree"/base/status.h "$tree"/store/store.h "$tree"/engine/cairn.h
        printf '#include "store.h"\n#include "base/status.h"\n#include <lmdb.h>\n' >"$tree/store/store.c"
        printf '#include "engine/cairn.h"\n' >"$tree/cli/main.c"
        printf '#include <poppler/glib/poppler.h>\n' >"$tree/ingest/extract/pdf.c"
        printf 'cairn_room(store DEPS base LIBS lmdb)\n' >"$tree/store/CMakeLists.txt"
    }
    expect() { # name, 0 or 1, text the output must hold
        output=$(check_tree "$tree")
        if [ $? -ne "$2" ] || [[ $output != *"$3"* ]]; then
            printf 'self-test "%s" went wrong:\n%s\n' "$1" "$output"
            failed=1
        fi
    }
    fresh
    expect "an honest tree" 0 "0 against the table"
    fresh; printf '\n  #  include "store/store.h"\n' >"$tree/index/text/bad.c"
    expect "a neighbour" 1 "index/text/bad.c:2: index may not include store"
    fresh; printf '#include "../../store/store.h"\n' >"$tree/index/text/bad.h"
    expect "a neighbour by a relative path" 1 "index/text/bad.h:1: index may not include store"
    fresh; printf '#include "store/store.h"\n' >"$tree/cli/bad.c"
    expect "cli past the engine" 1 "cli/bad.c:1: cli may not include store"
    fresh; mkdir "$tree/server"; printf '#include "server/adapter.h"\n' | tee "$tree/cli/verb_serve.c" >"$tree/cli/bad.c"
    expect "a verb that does not serve" 1 "cli/bad.c:1: cli may include server in few places"
    fresh; printf '#include "index/not/there.h"\n' >"$tree/base/bad.c"
    expect "a header that does not exist" 1 "base/bad.c:1: base may not include index"
    fresh; printf '#include "store.h"\n' >"$tree/engine/fine.c"; touch "$tree/engine/store.h"
    expect "a header of one's own with a neighbour's name" 0 "0 against the table"
    fresh; printf '#include <poppler.h>\n' >"$tree/ingest/bad.c"
    expect "poppler outside the extractor" 1 "only ingest/extract/ may include <poppler.h>"
    fresh; printf 'cairn_room(store\n  DEPS base index\n  LIBS lmdb)\n' >"$tree/store/CMakeLists.txt"
    expect "a link against the table" 1 "store may not link index"
    fresh; rm -rf "${tree:?}"/*
    expect "an empty tree is no proof" 1 "0 includes"
    [ $failed -eq 0 ] && echo "self-test: all offences found"
    return $failed
}

case ${1:-} in
--self-test) self_test ;;
"" | -*) echo "usage: test_rooms.sh ROOT | --self-test" >&2; exit 2 ;;
*) check_tree "$1" ;;
esac
