// What of CPython's C API is used: declared here, since the library is built without any Python and works with several.
// Weak: each is null in a program that is not CPython, or not one that shows its symbols.
#pragma once

#include <cstddef>

extern "C" {

struct PyObject;
struct PyConfig;  // a layout for each minor version: python_config.hpp

struct PyStatus {
  int type;
  const char* function;
  const char* message;
  int exit_code;
};
struct PyWideStringList {
  std::ptrdiff_t length;
  wchar_t** items;
};

#define CORDON_PYTHON [[gnu::weak]] extern
CORDON_PYTHON const char* Py_GetVersion();
CORDON_PYTHON void PyConfig_InitPythonConfig(PyConfig*);
CORDON_PYTHON PyStatus PyConfig_SetBytesArgv(PyConfig*, std::ptrdiff_t, char* const*);
CORDON_PYTHON PyStatus PyConfig_SetString(PyConfig*, wchar_t**, const wchar_t*);
CORDON_PYTHON PyStatus PyConfig_SetWideStringList(PyConfig*, PyWideStringList*, std::ptrdiff_t, wchar_t**);
CORDON_PYTHON void PyConfig_Clear(PyConfig*);
CORDON_PYTHON int PyStatus_Exception(PyStatus);
CORDON_PYTHON PyStatus Py_InitializeFromConfig(const PyConfig*);
// Of this interpreter; Py_RunMain reads it. NOLINTNEXTLINE(bugprone-reserved-identifier)
CORDON_PYTHON const PyConfig* _Py_GetConfig();
CORDON_PYTHON int Py_RunMain();

CORDON_PYTHON wchar_t* Py_DecodeLocale(const char*, std::size_t*);
CORDON_PYTHON void PyMem_RawFree(void*);
CORDON_PYTHON PyObject* PyImport_ImportModule(const char*);
CORDON_PYTHON PyObject* PyObject_GetAttrString(PyObject*, const char*);
CORDON_PYTHON PyObject* PySys_GetObject(const char*);
CORDON_PYTHON PyObject* PyUnicode_FromWideChar(const wchar_t*, std::ptrdiff_t);
CORDON_PYTHON PyObject* PyUnicode_FromStringAndSize(const char*, std::ptrdiff_t);
CORDON_PYTHON PyObject* PyBytes_FromStringAndSize(const char*, std::ptrdiff_t);
CORDON_PYTHON PyObject* PyList_New(std::ptrdiff_t);
CORDON_PYTHON int PyList_Append(PyObject*, PyObject*);
CORDON_PYTHON int PyList_SetSlice(PyObject*, std::ptrdiff_t, std::ptrdiff_t, PyObject*);
CORDON_PYTHON PyObject* PyDict_Copy(PyObject*);
CORDON_PYTHON PyObject* PyDict_GetItem(PyObject*, PyObject*);
CORDON_PYTHON PyObject* PyDict_SetDefault(PyObject*, PyObject*, PyObject*);
CORDON_PYTHON void PyDict_Clear(PyObject*);
CORDON_PYTHON void PyErr_Clear();
CORDON_PYTHON void Py_DecRef(PyObject*);
#undef CORDON_PYTHON

}  // extern "C"
