(qko.Z(0) + qko.Z(40)).to_numpy()
