qko.Z(0) / 0
