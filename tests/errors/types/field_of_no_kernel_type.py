@qk.struct
class Drive:
    angle: qk.Float
    name: str
