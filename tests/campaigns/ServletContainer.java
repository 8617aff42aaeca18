package com.sun.jersey.spi.container.servlet;

/** Stands where the NameNode's web server looks for Jersey, and answers nothing. */
public class ServletContainer extends javax.servlet.http.HttpServlet {
}
