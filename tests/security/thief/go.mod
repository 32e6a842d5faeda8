module thief

go 1.21
