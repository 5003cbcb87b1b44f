(qko.Z(0) + qko.X(0)) ** -1
