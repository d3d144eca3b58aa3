"""`kapok up` on one machine: accounts, ports, the data folder, children and the live view.

`launch` runs as whoever called `./kapok` (perhaps root) and does only what needs that; `up` and all
children then run as one unprivileged account. What is started stands in `table`, what is made on a
first start in `seed`; everything else here is mechanism and knows no service by name.
"""
