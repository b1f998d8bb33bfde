#!/bin/sh
# make help: each target of the Makefile has one line, and each of its lines is a target.
. "$(dirname "$0")/lib.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL

help=$(make --no-print-directory help)
targets=$(awk '/^[.]PHONY:/ { inside = 1 } inside { print } !/\\$/ { inside = 0 }' Makefile | tr -d '\\' | tr -s ' :' '\n' |
    grep -v '^[.]PHONY$\|^FORCE$\|^all$\|^$')
check "there are targets" test "$(echo "$targets" | wc -l)" -gt 20
for target in $targets; do
    check_equal "make $target has one line" 1 "$(echo "$help" | grep -c "^make $target  *[a-z]")"
done
check_equal "make alone has one, too" 1 "$(echo "$help" | grep -c '^make   *build everything')"
names=$(echo "$help" | sed -n 's/^make \([a-z][a-z-]*\) .*/\1/p')
check_equal "nothing else has one" "$(echo "$targets" | sort)" "$(echo "$names" | sort)"
check_equal "every line is printed" "$(grep -c '^#   make' Makefile)" "$(echo "$help" | wc -l)"
finish
