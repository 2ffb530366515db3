# SPDX-License-Identifier: MIT
# gnuplot -e "data='...'; chart='...'" chart.gp: a bar for each way of each workload, times native.
set terminal svg size 900,380 font "sans-serif,13" background "#ffffff"
set output chart
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set border 3 lc rgb "#444444"
set xtics rotate by -30 nomirror
set ytics nomirror
set grid ytics lc rgb "#dddddd"
set yrange [0:*]
set ylabel "ticks, times the bare machine"
set key outside above center horizontal
set datafile separator "\t"
set arrow from graph 0, first 1 to graph 1, first 1 nohead lc rgb "#444444" dt 2
set linetype 1 lc rgb "#b0b7bf"
set linetype 2 lc rgb "#1f6fb4"
set linetype 3 lc rgb "#7fb77e"
set linetype 4 lc rgb "#c8553d"
set linetype 5 lc rgb "#e8b04a"
# As many ways as the data has.
stats data every ::1 using 2 nooutput
plot for [i=2:STATS_columns] data using i:xtic(1) title columnheader(i) lt i-1
