float("nan") * qko.Z(0)
