* Needs the package network of I. R. White (Stata Journal 2015;15:951-985).
* Treatment names become parts of variable names, so they get short codes; T0 is the reference.
