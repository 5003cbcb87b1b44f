qko.Z(-1)
