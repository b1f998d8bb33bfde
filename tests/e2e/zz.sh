. "$(dirname "$0")/lib.sh"
cluster_start 1
label_create slow process '{"command": "echo one; sleep 1000", "stop_grace": 0}'
slow=$(application_create slow)
wait_for 20 application_is ALLOCATED "$slow"
AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin AQ_TOKEN_FILE="$data/admin.token" start f sh -c "exec '$BUILD/aq' application $slow log -f >$work/out"
wait_for 10 file_is one $work/out
sleep 1
a=$(date +%s%N); stop controller; b=$(date +%s%N); echo $(((b-a)/1000000)) ms
cat $work/f.log
controller_start
sleep 2
cat $work/f.log
a=$(date +%s%N); aq application $slow log -f --timeout 3;  b=$(date +%s%N); echo $(((b-a)/1000000)) ms
finish
