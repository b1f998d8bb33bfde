# What the comparisons that are scripts share: figures of rounds, and the lines from which run.sh makes its table. To be
# sourced after lib.sh.
figures=$work/figures

now() {
    date +%s.%N
}

note_figure() { # NAME ours|theirs COUNT BEGUN ENDED
    awk -v name="$1" -v who="$2" -v count="$3" -v from="$4" -v to="$5" \
        'BEGIN { printf "%s\t%s\t%.1f\n", name, who, count / (to - from) }' | tee -a "$figures" | sed 's/^/# /' >&2
}

# The medians, and the median of the rounds' factors, as bench.h does it.
result() { # WHAT OURS(name) THEIRS(name) [LEAST]
    awk -F '\t' -v what="$1" -v our_name="$2" -v their_name="$3" -v least="${4:-1}" '
        function median(list, count,    i, j, kept) {
            for (i = 2; i <= count; i++) {
                kept = list[i]
                for (j = i - 1; j > 0 && list[j] > kept; j--)
                    list[j + 1] = list[j]
                list[j + 1] = kept
            }
            return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
        }
        $1 == our_name && $2 == "ours" { ours[++n] = $3 }
        $1 == their_name && $2 == "theirs" { theirs[++m] = $3 }
        END {
            for (i = 1; i <= n; i++)
                factors[i] = ours[i] / theirs[i]
            factor = median(factors, n)
            printf "RESULT\t%s\t%.0f /s\t%.0f /s\t%.2f\tat least %g\t%s\n", what, median(ours, n), median(theirs, m),
                factor, least, (factor >= least ? "ok" : "missed")
        }' "$figures"
}
