#!/bin/sh
# tools/check/rings.sh finds files that call each other in a ring, and nothing else.
. "$(dirname "$0")/lib.sh"

tree=$work/tree
cc=${CC:-cc}

# The file FILE.c, which defines the function FILE and calls the functions CALLED.
source_file() { # FILE CALLED...
    local file=$1 called
    shift
    mkdir -p "$(dirname "$tree/$file")" "$(dirname "$work/build/$file")"
    {
        for called in "$@"; do
            echo "void $called(void);"
        done
        echo "void $(basename "$file")(void);"
        echo "void $(basename "$file")(void)"
        echo "{"
        for called in "$@"; do
            echo "    $called();"
        done
        echo "}"
    } >"$tree/$file.c"
    $cc -c "$tree/$file.c" -o "$work/build/$file.o"
}

# What the check says about the files, without the rings that the tree itself may have.
rings() {
    tools/check/rings.sh "$work/build" "$tree" | grep -v '^in the list' | head -n -1
}

source_file schema/base/low
source_file schema/base/high low
check_equal "layers are no ring" "" "$(rings)"

source_file schema/base/low high
check_equal "two files that call each other are a ring" "ring of 2: schema/base/high schema/base/low
    schema/base/high calls schema/base/low: low
    schema/base/low calls schema/base/high: high" "$(rings)"
check_fails "a ring fails the check" tools/check/rings.sh "$work/build" "$tree"

source_file schema/base/low
source_file agent/first second low
source_file agent/second third
source_file agent/third first low
check_equal "a ring of three, with a file below it" "ring of 3: agent/first agent/second agent/third
    agent/first calls agent/second: second
    agent/second calls agent/third: third
    agent/third calls agent/first: first" "$(rings)"

rm "$tree/agent/third.c"
check_equal "an object without its source does not count" "" "$(rings)"

source_file fs/first
source_file fs/second first
source_file agent/second
check_equal "a call goes to the caller's own program" "" "$(rings)"
finish
