# Cost against rate and against body size. Before this stand `body`, `rate` and two data blocks, each
# with an index a watcher: where, ms of CPU for 1,000 exchanges, share of them that it told of.
set terminal svg size 960,420 dynamic font "Helvetica,13" background "#ffffff"
array names[4] = ["shipper", "httpry", "tcpflow", "tshark"]
array colours[4] = ["#0072b2", "#d55e00", "#009e73", "#7f7f7f"]
all(told, cost) = told >= 1 ? cost : NaN
some(told, cost) = told < 1 ? cost : NaN

set multiplot layout 1,2 margins 0.06,0.965,0.27,0.91 spacing 0.075
set grid xtics ytics lt 1 lw 0.5 lc rgb "#dddddd"
set border 3 lc rgb "#555555"
set tics nomirror
set logscale y
set yrange [3:*]
set format y "%g"
set key at screen 0.5,0.1 center center horizontal maxcols 4 samplen 2
set label 1 "hollow: it did not tell of every exchange" at screen 0.5,0.035 center tc rgb "#555555"

set title "CPU ms for 1,000 exchanges, by rate"
set xlabel sprintf("exchanges a second, bodies of %g B", body)
set xrange [0:*]
plot for [i = 1:4] $by_rate index i-1 using 1:2 with lines lw (i == 1 ? 3 : 1.5) lc rgb colours[i] title names[i], \
     for [i = 1:4] $by_rate index i-1 using 1:(all($3, $2)) with points pt 7 ps 0.7 lc rgb colours[i] notitle, \
     for [i = 1:4] $by_rate index i-1 using 1:(some($3, $2)) with points pt 6 ps 0.9 lc rgb colours[i] notitle

unset key
unset label 1
set title "CPU ms for 1,000 exchanges, by body"
set xlabel sprintf("body, at %g exchanges a second", rate)
set logscale x
set format x "%.0s %cB"
set xrange [*:*]
plot for [i = 1:4] $by_size index i-1 using 1:2 with lines lw (i == 1 ? 3 : 1.5) lc rgb colours[i] notitle, \
     for [i = 1:4] $by_size index i-1 using 1:(all($3, $2)) with points pt 7 ps 0.7 lc rgb colours[i] notitle, \
     for [i = 1:4] $by_size index i-1 using 1:(some($3, $2)) with points pt 6 ps 0.9 lc rgb colours[i] notitle
unset multiplot
