#!/bin/sh
# aq cp: files and directories, out of workloads and into them; and that neither side is led elsewhere by the other.
. "$(dirname "$0")/lib.sh"

cluster_start 1
AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin AQ_TOKEN="$(cat "$data/admin.token")"
export AQ_SERVER AQ_USER AQ_TOKEN NO_COLOR=1
inside() { # APPLICATION COMMAND...
    local application=$1
    shift
    "$BUILD/aq" exec "$application" -- "$@" 2>"$work/err"
}
copy() {
    "$BUILD/aq" cp "$@" >"$work/out" 2>"$work/err" </dev/null
}
listing() { # DIRECTORY
    find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs
}
status_of() { # COMMAND...
    "$@"
    echo $?
}

label_create box process '{"command": "exec sleep 1000", "stop_grace": 0}'
label_create liar process '{"command": "exec sleep 1000", "environment": {"PATH": "/work/bin:/usr/bin:/bin"}, "stop_grace": 0}'
box=$(application_create box)
liar=$(application_create liar)
wait_for 20 application_is ALLOCATED "$box"
wait_for 20 application_is ALLOCATED "$liar"
here=$work/here
mkdir "$here" "$here/into"

# ---- out of it ------------------------------------------------------------------------------------------------

inside "$box" sh -c 'echo report >report.xml; mkdir -p sub out/deep; echo deep >"out/deep/a file"; ln -s /etc/passwd out/link; mkfifo pipe' </dev/null
check "a file comes out" copy "$box:report.xml" "$here/into"
check_equal "as it is there" report "$(cat "$here/into/report.xml")"
check "by another name" copy "$box:/work/report.xml" "$here/other"
check_equal "as well" report "$(cat "$here/other")"
check "a directory comes out" copy "$box:out" "$here"
check_equal "with all that is in it" deep "$(cat "$here/out/deep/a file")"
check_equal "links stay links" /etc/passwd "$(readlink "$here/out/link")"
check_equal "it belongs to who copied it" "$(id -u)" "$(stat -c %u "$here/out/deep/a file")"
inside "$box" sh -c 'mkdir "d\ne" && echo odd >"d\ne/a\tb"' </dev/null
check "a name with a backslash" copy "$box:d\\ne/a\\tb" "$work/odd"
check_equal "comes out" odd "$(cat "$work/odd")"
check "a directory with one" copy "$box:d\\ne" "$work"
check_equal "too" odd "$(cat "$work/d\\ne/a\\tb")"
check_equal "what is not there" 3 "$(status_of copy "$box:nothing" "$here")"
check_equal "a pipe" 1 "$(status_of copy "$box:pipe" "$here")"
check_match "is refused" '*devices, pipes or sockets*' "$(cat "$work/err")"
check_equal "these leave nothing behind" "into other out" "$(listing "$here")"

# ---- into it --------------------------------------------------------------------------------------------------

head -c 10485760 /dev/urandom >"$work/big"
check "a file goes in" copy "$work/big" "$box:sub"
check_equal "whole" "$(sha256sum <"$work/big")" "$(inside "$box" sh -c 'sha256sum <sub/big' </dev/null)"
check "by another name" copy "$here/other" "$box:sub/a,b&c"
check_equal "as well" report "$(inside "$box" cat 'sub/a,b&c' </dev/null)"
check "a directory goes in" copy "$here/out" "$box:copy"
check_equal "with all that is in it" deep "$(inside "$box" cat 'copy/deep/a file' </dev/null)"
mkdir "$here/d.x"
echo data >"$here/d.x/a.b,c&d"
ln "$here/d.x/a.b,c&d" "$here/d.x/hard"
ln -s d.x/hard "$here/d.x/soft"
check "a name with dots keeps them" copy "$here/d.x/a.b,c&d" "$box:sub"
check_equal "as they are" data "$(inside "$box" cat 'sub/a.b,c&d' </dev/null)"
for name in 'e.y' 'e,[w]*$^&' 'e y'; do
    check "a directory gets the name $name" copy "$here/d.x" "$box:$name"
    check_equal "$name: its files have theirs" data "$(inside "$box" cat "$name/a.b,c&d" </dev/null)"
    check_equal "$name: a second name" data "$(inside "$box" cat "$name/hard" </dev/null)"
    check_equal "$name: a link leads where it did" d.x/hard "$(inside "$box" readlink "$name/soft" </dev/null)"
    check "it comes out again" copy "$box:$name" "$here/back"
    check_equal "$name: as it was" data "$(cat "$here/back/hard")"
    rm -r "$here/back"
done
rm -r "$here/d.x"
check_equal "into what is not there" 3 "$(status_of copy "$here/other" "$box:no/where/")"
check_equal "both are here" 2 "$(status_of copy "$here/other" "$here/more")"

# ---- a workload that answers with what it likes ---------------------------------------------------------------

(
    mkdir "$work/evil" && cd "$work/evil" && mkdir through through/away &&
        echo bad | tee evil >through/away/file && ln -s "$here" away &&
        tar -cPf ../up.tar --transform='flags=r;s,^,../,' evil &&
        tar -cPf ../root.tar --transform="flags=r;s,^,$here/," evil &&
        tar -cf ../away.tar away && tar -rf ../away.tar -C through away/file
)
inside "$liar" sh -c 'mkdir bin; cat >bin/tar; chmod 755 bin/tar' <<'X'
#!/bin/sh
exec cat "/work/$6.tar" # after -cf - -C . --
X
for name in up root away; do
    inside "$liar" sh -c "cat >$name.tar" <"$work/$name.tar"
    mkdir "$work/target"
    check_equal "$name: it is not taken" 1 "$(status_of copy "$liar:$name" "$work/target")"
    check_equal "$name: nothing of it stays" "" "$(listing "$work/target")"
    rmdir "$work/target"
done
check_equal "nothing is written elsewhere" "into other out" "$(listing "$here")"
inside "$liar" sh -c 'printf "#!/bin/sh\nexit 127\n" >bin/tar' </dev/null
check_equal "a workload without tar" 3 "$(status_of copy "$liar:report" "$here/into")"
check_equal "is told, and nothing else" "aq: the workload has no tar, which copying needs" "$(cat "$work/err")"
inside "$liar" rm bin/tar </dev/null
inside "$liar" ln -s / out </dev/null
check "into a link goes what the workload may write alone" copy "$here/other" "$liar:out/work/"
check_equal "there" report "$(inside "$liar" cat other </dev/null)"

# ---- after its end --------------------------------------------------------------------------------------------

over() { # LABEL OPTIONS(JSON) [RESOURCES]: runs it to its end; sets $over
    label_create "$1" process "$2" "${3-}"
    over=$(application_create "$1")
    wait_for 30 application_is DEALLOCATED "$over" || note "$(api GET "application/$over")"
}
leaves='"command": "umask 077; mkdir -p out/deep; echo report >report.xml; echo deep >\"out/deep/a file\"; ln -s /etc/passwd out/link; ln -s / way; ln -s ../../../../../.. up; ln -s /work/out inner; echo mine >/tmp/memory; mkfifo pipe"'
rm -rf "$here" && mkdir "$here"
over left "{$leaves}"
check "a file comes out after the end" copy "$over:report.xml" "$here"
check_equal "as it was" report "$(cat "$here/report.xml")"
check "a directory, by its path there" copy "$over:/work/out" "$here"
check_equal "with all that is in it" deep "$(cat "$here/out/deep/a file")"
check_equal "links stay links" /etc/passwd "$(readlink "$here/out/link")"
check "links within it lead on" copy "$over:inner/deep" "$here"
check_equal "where they did" "deep out report.xml" "$(listing "$here")"
rm -r "$here/deep" "$here/out" "$here/report.xml"
for path in way/etc/passwd way/root up/etc/passwd /etc/passwd "way$data/admin.token" /tmp/memory /work/../etc/shadow nothing; do
    check_equal "$path does not come" 3 "$(status_of copy "$over:$path" "$here")"
done
check_match "it is told what there is" "*a workload that has ended, only what is in /work is kept*" \
    "$(copy "$over:/etc/passwd" "$here"; cat "$work/err")"
check_equal "nothing else does" "" "$(listing "$here")"
check_equal "nothing goes in" 3 "$(status_of copy "$work/big" "$over:/work/")"
check_match "with the reason" "*has no workload: it is in DEALLOCATED*" "$(cat "$work/err")"
resource=$(api_field .data.last_resource "application/$over")
check_equal "no other command runs" 409 "$(api_code POST "resource/$resource/exec" '{"arguments": ["cat", "/work/report.xml"]}')"
check_match "and why is told" "*only what it has left can be copied out*" "$(cat "$work/answer")"
check "each copy is an event" sh -c "'$BUILD/aq' log tail -n 200 -o json | grep -q '\"resource_exec_started\".*report.xml'"
(umask 077 && "$BUILD/aq" users create ann role=user >"$work/ann.token" 2>/dev/null)
check_equal "somebody else does not get it" 3 "$(
    AQ_USER=ann AQ_TOKEN="$(cat "$work/ann.token")" "$BUILD/aq" cp "resource/$resource:report.xml" "$here" >"$work/out" 2>"$work/err" </dev/null
    echo $?
)"
check_match "and is told that there is no such resource" "*there is no resource $resource*" "$(cat "$work/err")"
over nothing '{"command": "true"}'
check_equal "a workload that has left nothing" 3 "$(status_of copy "$over:x" "$here")"
check_match "is told, with the setting" "*no files of resource * are kept*keep.files*" "$(cat "$work/err")"
if [ "$(id -u)" = 0 ] && [ -e /dev/loop-control ]; then
    over disk "{$leaves}" '{"disks": [{"name": "work", "size": "16MiB"}], "slots": 1}'
    check "from its disk, too" copy "$over:/work/out/deep" "$here"
    check_equal "as it was" deep "$(cat "$here/deep/a file")"
    check_equal "and no further" 3 "$(status_of copy "$over:up/etc/passwd" "$here")"
else
    echo "ok a disk after the end: this builder has no loop devices # SKIP"
fi

finish
